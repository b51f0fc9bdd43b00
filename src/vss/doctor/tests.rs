//! One fault at a time, on an account that is healthy but for it.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::vss::evidence::{Evidence, Known, MetadataOptions, Rule, Tags, Unread, Vault};
use crate::vss::fixture::{self, BACKUP_ROLE, INSTANCE_ROLE, PROFILE, SSM_CORE, VSS_POLICY, at};
use crate::vss::package::Installed;
use crate::vss::version::Version;

mod remedies;
mod systems;

fn with(edit: impl FnOnce(&mut Evidence)) -> Diagnosis {
    let mut evidence = fixture::healthy();
    edit(&mut evidence);
    diagnose(&evidence, &Options::default())
}

/// The checks that found something, advice left out.
fn found(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Advice)
        .map(|finding| finding.check)
        .collect()
}

fn advice(diagnosis: &Diagnosis) -> Vec<&'static str> {
    diagnosis
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Advice)
        .map(|finding| finding.check)
        .collect()
}

fn package(evidence: &mut Evidence, version: &str) {
    if let Known::Known(packages) = &mut evidence.packages {
        packages.get_mut(fixture::ID).unwrap()[0].installed = Installed::Version(Version::new(version));
    }
}

fn look(evidence: &mut Evidence, output: &str) {
    let inspection = inspection::parse(output).unwrap();
    evidence.inspections.insert(fixture::ID.to_owned(), Known::Known(inspection));
}

fn selection(evidence: &mut Evidence) -> &mut crate::vss::evidence::Selection {
    match &mut fixture::plan(evidence).selections {
        Known::Known(selections) => &mut selections[0],
        Known::Unknown(_) | Known::NotRead => panic!("no selections"),
    }
}

#[test]
fn a_healthy_account_is_not_blamed_for_anything() {
    let diagnosis = with(|_| {});
    assert_eq!(diagnosis.findings, []);
    assert_eq!((&diagnosis.undecided, &diagnosis.unread), (&Vec::new(), &Vec::new()));
    assert_eq!(diagnosis.examined.len(), 1);
    assert!(diagnosis.not_looked.contains(&"D030"));
    let inside = with(|evidence| look(evidence, inspection::tests::HEALTHY));
    assert_eq!((inside.findings, inside.inspected, inside.not_looked.len()), (Vec::new(), 1, 0));
}

#[test]
fn each_fault_of_an_instance_is_found_by_its_check_alone() {
    type Fault = (&'static str, fn(&mut Evidence));
    let faults: &[Fault] = &[
        ("D001", |evidence| fixture::instance(evidence).instance_type = "t3.micro".to_owned()),
        ("D002", |evidence| fixture::agent_of(evidence).platform_name = Some("Microsoft Windows 10 Pro".to_owned())),
        ("D002", |evidence| {
            fixture::agent_of(evidence).platform_name = Some("Microsoft Windows Server 2008 R2 Standard".to_owned());
        }),
        ("D003", |evidence| {
            fixture::instance(evidence).state = "stopped".to_owned();
            fixture::agent_of(evidence).ping = "ConnectionLost".to_owned();
        }),
        ("D010", |evidence| fixture::agent_of(evidence).ping = "ConnectionLost".to_owned()),
        ("D010", |evidence| evidence.agents = Known::Known(BTreeMap::new())),
        ("D011", |evidence| fixture::agent_of(evidence).version = Some("2.3.1644.0".to_owned())),
        ("D020", |evidence| {
            fixture::instance(evidence).profile_arn = None;
            evidence.agents = Known::Known(BTreeMap::new());
        }),
        ("D020", |evidence| evidence.profiles = Known::Known(BTreeMap::new())),
        ("D020", |evidence| {
            if let Known::Known(profiles) = &mut evidence.profiles {
                profiles.get_mut(PROFILE).unwrap().roles.clear();
            }
        }),
        ("D020", |evidence| fixture::role(evidence, INSTANCE_ROLE).trust = fixture::trust("lambda.amazonaws.com")),
        ("D021", |evidence| drop(fixture::role(evidence, INSTANCE_ROLE).managed.remove(VSS_POLICY))),
        ("D021", |evidence| {
            fixture::role(evidence, INSTANCE_ROLE).managed.remove(SSM_CORE);
            evidence.agents = Known::Known(BTreeMap::new());
        }),
        ("D021", |evidence| {
            let boundary = fixture::allowing(&["s3:*", "ssm:*"]);
            fixture::role(evidence, INSTANCE_ROLE).boundary =
                Some(("arn:aws:iam::123456789012:policy/limit".to_owned(), Known::Known(boundary)));
        }),
        ("D021", |evidence| {
            let deny = json!({
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Deny", "Action": "ec2:CreateImage", "Resource": "*" }],
            });
            fixture::role(evidence, INSTANCE_ROLE).inline.insert("no".to_owned(), deny);
        }),
        ("D022", |evidence| package(evidence, "2.2.1")),
        ("D033", |evidence| fixture::agent_of(evidence).association_status = Some("Failed".to_owned())),
        ("D042", |evidence| fixture::instance(evidence).metadata = Some(MetadataOptions::default())),
        ("D062", |evidence| {
            let tags = (0..51).map(|number| (format!("t{number}"), String::new()));
            fixture::instance(evidence).tags.extend(tags);
        }),
        ("D030", |evidence| {
            if let Known::Known(packages) = &mut evidence.packages {
                let package = &mut packages.get_mut(fixture::ID).unwrap()[0];
                package.installed = Installed::Gone;
            }
        }),
    ];
    for (index, (check, fault)) in faults.iter().enumerate() {
        let diagnosis = with(fault);
        assert_eq!(found(&diagnosis), [*check], "fault {index}: {:#?}", diagnosis.findings);
        assert!(
            diagnosis
                .findings
                .iter()
                .all(|finding| matches!(&finding.subject, Subject::Instance { id, .. } if id == fixture::ID))
        );
    }
}

#[test]
fn each_fault_of_a_plan_is_found_by_its_check_alone() {
    type Fault = (&'static str, fn(&mut Evidence));
    let faults: &[Fault] = &[
        ("D023", |evidence| fixture::role(evidence, BACKUP_ROLE).trust = fixture::trust("ec2.amazonaws.com")),
        ("D023", |evidence| fixture::role(evidence, BACKUP_ROLE).managed.clear()),
        ("D023", |evidence| {
            if let Known::Known(roles) = &mut evidence.roles {
                roles.remove(BACKUP_ROLE);
            }
        }),
        ("D070", |evidence| fixture::plan(evidence).rules[0].complete_window_minutes = Some(60)),
        ("D070", |evidence| {
            let rule = Rule {
                name: "hourly".to_owned(),
                schedule: Some("cron(0 * ? * * *)".to_owned()),
                start_window_minutes: 60,
                vault: "vss".to_owned(),
                ..Rule::default()
            };
            fixture::plan(evidence).rules.push(rule);
        }),
        ("D071", |evidence| {
            let vault = Vault {
                name: "vss".to_owned(),
                locked: true,
                min_retention_days: Some(90),
                max_retention_days: None,
                key: None,
            };
            evidence.vaults = Known::Known(BTreeMap::from([("vss".to_owned(), vault)]));
        }),
        ("D071", |evidence| {
            let vault = Vault {
                name: "vss".to_owned(),
                locked: true,
                min_retention_days: None,
                max_retention_days: Some(365),
                key: None,
            };
            evidence.vaults = Known::Known(BTreeMap::from([("vss".to_owned(), vault)]));
            fixture::plan(evidence).rules[0].delete_after_days = None;
        }),
        ("D075", |evidence| fixture::plan(evidence).rules[0].continuous = true),
        ("D073", |evidence| {
            let selection = selection(evidence);
            selection.resources = vec!["*".to_owned()];
            selection.conditions = crate::vss::evidence::Conditions::default();
        }),
    ];
    for (index, (check, fault)) in faults.iter().enumerate() {
        let diagnosis = with(fault);
        assert_eq!(found(&diagnosis), [*check], "fault {index}: {:#?}", diagnosis.findings);
        assert!(!diagnosis.findings.iter().any(|finding| matches!(finding.subject, Subject::Instance { .. })));
    }
}

#[test]
fn what_a_look_inside_shows_is_found_by_its_check_alone() {
    type Fault = (&'static str, fn(&str) -> String);
    let faults: &[Fault] = &[
        ("D030", |output| output.replace("True\r\n== version\r\n2.5.1.0\r\n", "False\r\n== version\r\n")),
        ("D022", |output| output.replace("2.5.1.0", "2.2.1.0")),
        ("D032", |output| output.replace("Ec2VssProvider", "Microsoft File Share Shadow Copy provider")),
        ("D040", |output| output.replace("== endpoint ec2\r\nTrue", "== endpoint ec2\r\nFalse")),
        ("D040", |output| output.replace("== endpoint metadata\r\nTrue", "== endpoint metadata\r\nFalse")),
        ("D051", |output| {
            output.replace("[1] Stable\r\n   Last error: No error", "[9] Failed\r\n   Last error: Non-retryable error")
        }),
        ("D052", |output| {
            output.replace("[1] Stable\r\n   Last error: No error", "[8] Failed\r\n   Last error: Timed out")
        }),
        ("D054", |output| output.replace("FullLanguage", "ConstrainedLanguage")),
        ("D054", |output| output.replace("528449", "378389")),
    ];
    for (index, (check, fault)) in faults.iter().enumerate() {
        let diagnosis = with(|evidence| look(evidence, &fault(inspection::tests::HEALTHY)));
        assert_eq!(found(&diagnosis), [*check], "fault {index}: {:#?}", diagnosis.findings);
    }
    let proxied = with(|evidence| {
        let output = inspection::tests::HEALTHY
            .replace("Direct access (no proxy server).", "Proxy Server(s) :  proxy:3128")
            .replace("== endpoint ec2\r\nTrue", "== endpoint ec2\r\nFalse");
        look(evidence, &output);
    });
    assert_eq!(proxied.findings, []);
}

#[test]
fn a_selection_by_tags_where_ec2_is_switched_off_is_the_regions_fault() {
    let diagnosis = with(|evidence| {
        evidence.opt_in = Known::Known(BTreeMap::from([("EC2".to_owned(), false)]));
        let selection = selection(evidence);
        selection.resources.clear();
        selection.conditions = crate::vss::evidence::Conditions::default();
        selection.list_of_tags = vec![("VssBackup".to_owned(), "enabled".to_owned())];
    });
    assert_eq!(found(&diagnosis), ["D072"], "{:#?}", diagnosis.findings);
    assert!(matches!(diagnosis.findings[0].subject, Subject::Region { .. }));
}

#[test]
fn a_plan_that_selects_nobody_is_told_so_and_every_windows_instance_examined() {
    let diagnosis = with(|evidence| {
        fixture::instance(evidence).tags = Tags::new();
        evidence.jobs = Known::Known(Vec::new());
    });
    assert_eq!(found(&diagnosis), ["D074"], "{:#?}", diagnosis.findings);
    assert_eq!(diagnosis.examined.len(), 1);
}

#[test]
fn an_older_policy_and_an_older_package_work_and_are_only_advised() {
    let diagnosis = with(|evidence| {
        package(evidence, "2.1.0");
        let legacy = fixture::allowing(&[
            "ec2:CreateTags",
            "ec2:DescribeInstances",
            "ec2:CreateSnapshot",
            "ec2:CreateImage",
            "ec2:DescribeImages",
        ]);
        let role = fixture::role(evidence, INSTANCE_ROLE);
        role.managed.remove(VSS_POLICY);
        role.inline.insert("VssSnapshot".to_owned(), legacy);
    });
    assert_eq!((found(&diagnosis), advice(&diagnosis)), (Vec::new(), vec!["D031"]), "{:#?}", diagnosis.findings);
}

#[test]
fn default_host_management_is_told_apart_from_a_profile() {
    let diagnosis = with(|evidence| fixture::instance(evidence).profile_arn = None);
    assert_eq!(found(&diagnosis), ["D020", "D012"]);
}

#[test]
fn the_last_backups_message_names_the_cause() {
    let diagnosis = with(|evidence| {
        let message = "Windows VSS Backup attempt failed because ec2-vss-agent.exe is not installed in the Instance";
        evidence.jobs = Known::Known(vec![fixture::fallback("j", "2026-01-14T18:00:00Z", message)]);
    });
    assert_eq!(found(&diagnosis), ["D076"]);
    assert!(diagnosis.findings[0].evidence.iter().any(|seen| seen == "see D030"), "{:#?}", diagnosis.findings);
}

#[test]
fn what_is_wrong_with_the_newest_backup_is_said_as_it_is() {
    type Edit = fn(&mut Evidence);
    let cases: [(Edit, &str); 3] = [
        (|evidence| evidence.jobs = Known::Known(Vec::new()), "never backed up"),
        (
            |evidence| {
                if let Known::Known(jobs) = &mut evidence.jobs {
                    for job in jobs {
                        job.created = job.created.plus(-5 * 86_400);
                        job.completed = job.completed.map(|at| at.plus(-5 * 86_400));
                    }
                }
            },
            "too old",
        ),
        (
            |evidence| {
                if let Known::Known(images) = &mut evidence.images {
                    for image in images.values_mut() {
                        *image = None;
                    }
                }
            },
            "is gone",
        ),
    ];
    for (edit, words) in cases {
        let diagnosis = with(edit);
        assert_eq!(found(&diagnosis), ["D076"], "{words}: {:#?}", diagnosis.findings);
        assert!(diagnosis.findings[0].problem.contains(words), "{words}: {:#?}", diagnosis.findings);
    }
}

#[test]
fn what_only_a_message_tells_is_found_by_its_own_check_once() {
    let told = |message: &str| {
        let mut job = fixture::fallback("j", "2026-01-14T18:00:00Z", message);
        job.state = crate::vss::evidence::JobState::Failed;
        with(|evidence| evidence.jobs = Known::Known(vec![job]))
    };
    for (message, check) in [
        ("Subscriber limit exceeded: You have reached the maximum concurrent number of backups, which is 300.", "D060"),
        ("Cannot create more than 20 user snapshots", "D061"),
        ("The resultant tag set must not have more than 50 user tags.", "D062"),
        ("You have reached your quota of 80,000 for the number of public and private images", "D063"),
    ] {
        let diagnosis = told(message);
        let both: BTreeSet<&str> = found(&diagnosis).into_iter().collect();
        assert_eq!(both, BTreeSet::from([check, "D076"]), "{message}");
        assert_eq!((diagnosis.findings.len(), advice(&diagnosis)), (3, vec!["D065"]), "{message}");
    }
}

#[test]
fn an_agent_without_metadata_is_silent_for_that_reason() {
    let diagnosis = with(|evidence| {
        fixture::instance(evidence).metadata = Some(MetadataOptions::default());
        fixture::agent_of(evidence).ping = "ConnectionLost".to_owned();
    });
    assert_eq!(found(&diagnosis), ["D042"], "{:#?}", diagnosis.findings);
}

#[test]
fn what_could_not_be_read_is_undecided_and_nobodys_fault() {
    let denied = || Unread { action: "iam:GetAccountAuthorizationDetails".to_owned(), message: "denied".to_owned() };
    let faults: &[fn(&mut Evidence, Unread)] = &[
        |evidence, denied| evidence.roles = Known::Unknown(denied),
        |evidence, denied| evidence.profiles = Known::Unknown(denied),
        |evidence, denied| evidence.agents = Known::Unknown(denied),
        |evidence, denied| evidence.jobs = Known::Unknown(denied),
        |evidence, denied| evidence.plans = Known::Unknown(denied),
        |evidence, denied| evidence.vaults = Known::Unknown(denied),
        |evidence, denied| evidence.instances = Known::Unknown(denied),
        |evidence, denied| {
            evidence.inspections.insert(fixture::ID.to_owned(), Known::Unknown(denied));
        },
        |evidence, denied| {
            let role = fixture::role(evidence, INSTANCE_ROLE);
            role.managed.insert(VSS_POLICY.to_owned(), Known::Unknown(denied));
        },
    ];
    for (index, fault) in faults.iter().enumerate() {
        let diagnosis = with(|evidence| fault(evidence, denied()));
        assert_eq!(diagnosis.findings, [], "fault {index}");
        assert!(diagnosis.has_unknown(), "fault {index}");
    }
}

#[test]
fn linux_in_a_plan_is_advice_and_linux_by_name_is_an_answer() {
    let edit = |evidence: &mut Evidence| {
        let tags = fixture::instance(evidence).tags.clone();
        if let Known::Known(instances) = &mut evidence.instances {
            instances[1].tags = tags;
        }
    };
    let diagnosis = with(edit);
    assert_eq!((found(&diagnosis), advice(&diagnosis)), (Vec::new(), vec!["D004"]));
    let mut evidence = fixture::healthy();
    edit(&mut evidence);
    let named = Options { only: BTreeSet::from([fixture::LINUX.to_owned()]), ..Options::default() };
    assert_eq!(found(&diagnose(&evidence, &named)), ["D002"]);
}

#[test]
fn a_selection_of_an_instance_that_is_not_there_is_named_at_the_selection_once() {
    let select = |arns: &[&str]| {
        with(|evidence| {
            if let Known::Known(selections) = &mut fixture::plan(evidence).selections {
                selections[0].resources = arns.iter().map(|arn| (*arn).to_owned()).collect();
                selections[0].list_of_tags.clear();
                selections[0].conditions = crate::vss::evidence::Conditions::default();
            }
        })
    };
    let (gone, all) = ("arn:aws:ec2:*:*:instance/i-0123456789abcdef0", "arn:aws:ec2:*:*:instance/*");
    for arns in [&[gone][..], &[gone, all]] {
        let diagnosis = select(arns);
        let told: Vec<&Finding> = diagnosis.findings.iter().filter(|finding| finding.check == "D074").collect();
        let [one] = told.as_slice() else { panic!("{told:?}") };
        assert!(one.subject.title().starts_with("selection ") && one.evidence[0].contains(gone), "{one:?}");
    }
    assert!(!found(&select(&[all])).contains(&"D074"));
}

#[test]
fn a_role_that_made_backups_and_is_gone_is_advice() {
    let diagnosis = with(|evidence| {
        let mut former = fixture::job("former", "2026-01-10T18:00:00Z");
        former.role_arn = Some("arn:aws:iam::123456789012:role/Former".to_owned());
        if let Known::Known(jobs) = &mut evidence.jobs {
            jobs.push(former);
        }
    });
    assert_eq!(advice(&diagnosis), ["D078"]);
    assert!(diagnosis.read_at == at("2026-01-15T12:00:00Z"));
}

#[test]
fn a_cluster_node_that_owns_a_role_is_the_primary_one_and_well() {
    let cluster = |owner: &str| {
        let groups = format!(
            "== computer\r\nSQL-1\r\n== cluster\r\nsql-2|Cluster Group\r\n{owner}|SQL Server\r\nsql-2|Files\r\n"
        );
        let output = inspection::tests::HEALTHY.replace("== events", &format!("{groups}== events"));
        with(|evidence| look(evidence, &output))
    };
    assert_eq!(cluster("sql-1").findings, []);
    assert_eq!(found(&cluster("sql-2")), ["D056"]);
}

#[test]
fn a_way_out_an_endpoint_or_a_consistent_backup_says_that_ec2_is_reached() {
    type Edit = fn(&mut Evidence);
    let closed = |edit: Edit| {
        with(|evidence| {
            let table = crate::vss::evidence::RouteTable {
                id: "rtb-01".to_owned(),
                vpc: "vpc-01".to_owned(),
                is_main: true,
                targets: vec!["local".to_owned(), "vpce-0s3".to_owned()],
                ..Default::default()
            };
            evidence.routes = Known::Known(vec![table]);
            evidence.jobs = Known::Known(Vec::new());
            fixture::plan(evidence).created = Some(at("2026-01-15T11:00:00Z"));
            edit(evidence);
        })
    };
    assert_eq!(found(&closed(|_| {})), ["D040"]);
    for edit in [
        (|evidence| {
            if let Known::Known(tables) = &mut evidence.routes {
                tables[0].targets.push("nat-01".to_owned());
            }
        }) as Edit,
        |evidence| {
            if let Known::Known(tables) = &mut evidence.routes {
                let own = crate::vss::evidence::RouteTable {
                    subnets: vec!["subnet-01".to_owned()],
                    targets: vec!["igw-01".to_owned()],
                    ..tables[0].clone()
                };
                tables.push(own);
            }
        },
        |evidence| evidence.jobs = fixture::healthy().jobs,
        |evidence| look(evidence, inspection::tests::HEALTHY),
        |evidence| evidence.endpoints = Known::Known(vec![ec2_endpoint(true)]),
    ] {
        assert_eq!(found(&closed(edit)), Vec::<&str>::new());
    }
    assert_eq!(found(&closed(|evidence| evidence.endpoints = Known::Known(vec![ec2_endpoint(false)]))), ["D040"]);
}

fn ec2_endpoint(answers: bool) -> crate::vss::evidence::Endpoint {
    crate::vss::evidence::Endpoint {
        id: "vpce-01".to_owned(),
        vpc: "vpc-01".to_owned(),
        service: "com.amazonaws.eu-west-1.ec2".to_owned(),
        answers,
    }
}

fn role<'a>(evidence: &'a mut Evidence, arn: &str) -> &'a mut crate::vss::evidence::Role {
    match &mut evidence.roles {
        Known::Known(roles) => roles.get_mut(arn).unwrap(),
        Known::Unknown(_) | Known::NotRead => panic!("no roles"),
    }
}
