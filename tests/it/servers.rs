//! Servers that the file names and that are not there, or that can't take what the file gives them: the plan says so,
//! nothing is planned for ever, and what the plan says to do works.

use serde_json::json;
use vssctl::model::{Action, Severity};
use vssctl::plan::{Options, Plan};

use crate::bench::{Bench, STACK, changed};
use crate::harness::Place;

const GONE: &str = "i-0123456789abcdef0";

fn id(bench: &Bench, name: &str) -> String {
    let found = bench.call("ec2", "DescribeInstances", &json!({"Filters": [{"Name": "tag:Name", "Values": [name]}]}));
    found["Reservations"][0]["Instances"][0]["InstanceId"].as_str().expect("an instance").to_owned()
}

fn package(lines: &str) -> String {
    format!("{STACK}[package.AwsVssComponents]\n{lines}\n")
}

fn by_ids(ids: &[&str]) -> String {
    format!("targets = {{ instance_ids = {} }}", json!(ids))
}

/// The problems of a plan with a code: how bad they are, and what they say with their help.
fn said(plan: &Plan, code: &str) -> Vec<(Severity, String)> {
    let told = plan.diagnostics.iter().filter(|one| one.code == code);
    told.map(|one| {
        assert!(one.location.is_some() && one.address.is_some(), "{one:?}");
        (one.severity, format!("{}; {}", one.message, one.help.join("; ")))
    })
    .collect()
}

#[test]
fn one_command_to_servers_that_it_can_never_serve_is_refused_until_they_are_taken_out() {
    let bench = Bench::new();
    let (windows, linux) = (id(&bench, "sql-1"), id(&bench, "web-1"));
    let uninstall = "action = \"Uninstall\"\n";
    let other = "package_name = \"AWSPVDriver\"\n";
    for (more, ids, refused) in [
        ("", vec![windows.as_str(), linux.as_str()], Some(linux.as_str())),
        ("", vec![&windows, GONE], Some(GONE)),
        ("", vec![&linux], Some(&linux)),
        // What AWS does not find is refused by every command; what is not Windows may be removed from.
        (uninstall, vec![&windows, GONE], Some(GONE)),
        (uninstall, vec![&linux], None),
        (other, vec![&windows, GONE], Some(GONE)),
        (other, vec![&linux], None),
        // A server of another sort than EC2's.
        ("", vec![&windows, "mi-0123456789abcdef0"], None),
    ] {
        let file = package(&format!("{more}{}", by_ids(&ids)));
        let plan = bench.plan(&file);
        let told = said(&plan, "VSS0921");
        let action = changed(&plan).into_iter().map(|(_, action)| action).collect::<Vec<_>>();
        match refused {
            None => assert_eq!((told, action), (vec![], vec![Action::Create]), "{file}"),
            Some(named) => {
                assert_eq!(action, [Action::Refused], "{file}");
                let is_so = |(severity, text): &(Severity, String)| {
                    *severity == Severity::Error && text.contains(named) && text.contains("out of `instance_ids`")
                };
                assert!(told.len() == 1 && told.iter().all(is_so), "{told:?}");
                // Nothing was sent.
                let (plan, report) = bench.try_apply(&file, &Options::default());
                assert!(plan.is_empty() && report.outcomes.is_empty(), "{:?}", report.outcomes);
            }
        }
    }
    // What the message says works: it is sent once, and there is nothing more to do.
    let mended = package(&by_ids(&[&windows]));
    bench.apply(&mended);
    bench.sandbox.advance(std::time::Duration::from_mins(5)).expect("time goes on");
    assert!(bench.plan(&mended).is_empty());
}

#[test]
fn an_association_serves_the_others_so_that_it_is_made_with_a_warning() {
    let bench = Bench::new();
    let (windows, linux) = (id(&bench, "sql-1"), id(&bench, "web-1"));
    let schedule = "schedule = \"rate(1 day)\"\n";
    let by_tag = |name: &str| format!("targets = {{ tags = {{ Name = \"{name}\" }} }}");
    for (lines, said_of) in [
        (format!("{schedule}{}", by_ids(&[&windows, &linux])), Some(linux.as_str())),
        (format!("{schedule}{}", by_ids(&[&windows, GONE])), Some(GONE)),
        (format!("{schedule}{}", by_tag("web-1")), Some(&linux)),
        // By a tag, the next server may be another one: a command is warned of as well, and sent.
        (by_tag("web-1"), Some(&linux)),
        (format!("{schedule}{}", by_tag("sql-1")), None),
        (by_tag("sql-1"), None),
        (by_tag("nobody"), None),
    ] {
        let file = package(&lines);
        let plan = bench.plan(&file);
        assert_eq!(changed(&plan), [("package.AwsVssComponents".to_owned(), Action::Create)], "{file}");
        let told = said(&plan, "VSS0921");
        let Some(named) = said_of else {
            assert_eq!(told, [], "{file}");
            continue;
        };
        let is_so = |(severity, text): &(Severity, String)| *severity == Severity::Warning && text.contains(named);
        assert!(told.len() == 1 && told.iter().all(is_so), "{told:?}");
    }
}

#[test]
fn of_servers_that_could_not_be_read_nothing_is_said() {
    let bench = Bench::new();
    let linux = id(&bench, "web-1");
    let arn = format!("arn:aws:ec2:ap-northeast-1:123456789012:instance/{GONE}");
    bench.deny("ec2", "DescribeInstances");
    let plan = bench.plan(&package(&by_ids(&[&linux, GONE])));
    assert_eq!((said(&plan, "VSS0921"), said(&plan, "VSS0922")), (vec![], vec![]));
    assert_eq!(changed(&plan), [("package.AwsVssComponents".to_owned(), Action::Create)]);
    assert_eq!(said(&bench.plan(&selecting(&[&arn])), "VSS0922"), []);
}

/// A plan with one selection by ARNs.
fn selecting(arns: &[&str]) -> String {
    format!(
        "{STACK}[role.AWSBackupVss]\npreset = \"backup-service\"\n[vault.vss]\n[plan.daily]\nwindows_vss = true\n\
         [plan.daily.rule.nightly]\nvault = \"vss\"\nschedule = \"cron(0 20 ? * * *)\"\n\
         [plan.daily.selection.s]\nrole = \"AWSBackupVss\"\nmatch = {{ arns = {} }}\n",
        json!(arns)
    )
}

#[test]
fn a_selection_by_arns_that_no_instance_has_is_a_warning() {
    let bench = Bench::new();
    let own = |id: &str| format!("arn:aws:ec2:ap-northeast-1:123456789012:instance/{id}");
    let (windows, gone) = (own(&id(&bench, "sql-1")), own(GONE));
    for (arns, named) in [
        (vec![windows.as_str()], None),
        (vec![&windows, &gone], Some(gone.as_str())),
        (vec!["arn:aws:ec2:*:*:instance/*"], None),
        (vec!["arn:aws:ec2:*:*:instance/i-0123456789abc*"], Some("i-0123456789abc*")),
        // Other resources are not looked up.
        (vec!["arn:aws:ec2:ap-northeast-1:123456789012:volume/vol-0123456789abcdef0"], None),
    ] {
        let file = selecting(&arns);
        let told = said(&bench.plan(&file), "VSS0922");
        match named {
            None => assert_eq!(told, [], "{file}"),
            Some(named) => {
                let is_so = |(level, text): &(Severity, String)| *level == Severity::Warning && text.contains(named);
                assert!(told.len() == 1 && told.iter().all(is_so), "{told:?}");
            }
        }
    }
    // It is said where it is brought in, and the plan is no less empty afterwards.
    let file = selecting(&[&gone]);
    bench.apply(&file);
    let after = bench.plan(&file);
    assert!(after.is_empty() && said(&after, "VSS0922").is_empty(), "{:?}", after.diagnostics);
}

#[test]
fn doctor_and_coverage_name_what_is_selected_or_targeted_in_vain() {
    let arn = format!("arn:aws:ec2:ap-northeast-1:123456789012:instance/{GONE}");
    let targets = by_ids(&[GONE]);
    let place = Place::with(&format!(
        "{}[package.AwsVssComponents]\nschedule = \"rate(1 day)\"\n{targets}\n",
        selecting(&[&arn])
    ));
    place.sandbox(&["apply", "--yes"]).exits(0);
    let doctor = place.sandbox(&["doctor"]).stdout;
    for words in ["D033", "names an instance that is not there", "D074", GONE, "out of `instance_ids`"] {
        assert!(doctor.contains(words), "no {words} in {doctor}");
    }
    let coverage = place.sandbox(&["coverage"]).stdout;
    assert!(coverage.contains("selection daily/s") && coverage.contains(GONE), "{coverage}");
    // What it says to do works.
    place.write("vss.toml", selecting(&["arn:aws:ec2:*:*:instance/*"]));
    let consent = "broad-selection,protection-gap,vss-unavailable";
    place.sandbox(&["apply", "--yes", "--prune", "--max-deletions", "9", "--allow", consent]).exits(0);
    let doctor = place.sandbox(&["doctor"]).stdout;
    assert!(!doctor.contains(GONE) && !doctor.contains("D074"), "{doctor}");
    assert!(!place.sandbox(&["coverage"]).stdout.contains(GONE));
}
