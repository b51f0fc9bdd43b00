//! Version and operating system belong together: each system with each version, and what is advised there.

use super::*;
use crate::vss::version::System;

const R2_2012: &str = "Microsoft Windows Server 2012 R2 Standard";
const R2_2008: &str = "Microsoft Windows Server 2008 R2 Standard";

/// The healthy account with a system, with what is known of the package, and a policy of its own that asks for no tag.
fn server(evidence: &mut Evidence, system: &str, installed: Option<Installed>) {
    fixture::agent_of(evidence).platform_name = Some(system.to_owned());
    match installed {
        None => evidence.packages = Known::Known(BTreeMap::new()),
        Some(installed) => {
            if let Known::Known(packages) = &mut evidence.packages {
                packages.get_mut(fixture::ID).unwrap()[0].installed = installed;
            }
        }
    }
}

fn own_policy(evidence: &mut Evidence) {
    let legacy = fixture::allowing(&[
        "ec2:CreateTags",
        "ec2:DescribeInstances",
        "ec2:CreateSnapshot",
        "ec2:CreateSnapshots",
        "ec2:CreateImage",
        "ec2:DescribeImages",
        "ec2:DescribeSnapshots",
    ]);
    let role = fixture::role(evidence, INSTANCE_ROLE);
    role.managed.remove(VSS_POLICY);
    role.inline.insert("VssSnapshot".to_owned(), legacy);
}

fn version(text: &str) -> Installed {
    Installed::Version(Version::new(text))
}

fn with_own(system: &str, installed: Option<Installed>) -> Diagnosis {
    with(|evidence| {
        server(evidence, system, installed);
        own_policy(evidence);
    })
}

#[test]
fn an_older_server_with_its_own_version_and_policy_is_healthy() {
    let before = || Installed::Before(Version::new("2.3.1"));
    for (system, installed) in [
        (R2_2012, version("2.1.0")),
        (R2_2012, before()),
        ("Microsoft Windows Server 2012 Datacenter", version("2.1.0.0")),
        (R2_2008, version("1.3.1.0")),
        (R2_2008, before()),
    ] {
        let diagnosis = with_own(system, Some(installed));
        assert_eq!(diagnosis.findings, [], "{system}");
    }
}

#[test]
fn an_older_server_with_any_other_version_is_an_error_that_names_the_right_one() {
    for (system, wrong, right) in [
        (R2_2012, version("2.5.1"), "2.1.0"),
        (R2_2012, version("2.2.1"), "2.1.0"),
        (R2_2012, version("1.3.1.0"), "2.1.0"),
        (R2_2012, Installed::Newest, "2.1.0"),
        (R2_2012, Installed::AtLeast(Version::new("2.3.1")), "2.1.0"),
        (R2_2008, version("2.1.0"), "1.3.1.0"),
        (R2_2008, version("2.5.1"), "1.3.1.0"),
    ] {
        let diagnosis = with_own(system, Some(wrong.clone()));
        let finding = diagnosis.findings.iter().find(|finding| finding.check == "D002").expect("D002");
        assert_eq!(finding.severity, Severity::Error, "{system} {wrong:?}");
        assert!(finding.problem.ends_with(&format!("works with package {right} only")), "{}", finding.problem);
        assert!(finding.remedy.contains(&format!("version = \"{right}\"")), "{}", finding.remedy);
    }
}

#[test]
fn an_unknown_version_on_an_older_server_is_advice_and_an_unknown_system_is_nothing() {
    for installed in [None, Some(Installed::Present)] {
        let diagnosis = with_own(R2_2012, installed);
        assert_eq!((found(&diagnosis), advice(&diagnosis)), (Vec::new(), vec!["D002"]), "{:#?}", diagnosis.findings);
    }
    for system in ["", "Microsoft Windows Server", "Hyper-V Server 2012 R2", "Windows Server next"] {
        let diagnosis = with(|evidence| server(evidence, system, Some(version("2.5.1"))));
        assert_eq!(diagnosis.findings, [], "{system}");
        let none = with(|evidence| fixture::agent_of(evidence).platform_name = None);
        assert_eq!(none.findings, []);
    }
}

#[test]
fn the_managed_policy_on_an_older_server_is_an_error_whose_way_out_is_another_policy() {
    let alone: &[&str] = &["D022"];
    for (installed, expected) in [
        (Some(version("2.1.0")), alone),
        (Some(Installed::Before(Version::new("2.3.1"))), alone),
        (None, &["D002", "D022"]),
    ] {
        let diagnosis = with(|evidence| server(evidence, R2_2012, installed));
        let mut checks = found(&diagnosis);
        checks.sort_unstable();
        assert_eq!(checks, expected, "{:#?}", diagnosis.findings);
        let finding = diagnosis.findings.iter().find(|finding| finding.check == "D022").expect("D022");
        assert!(finding.problem.contains("AwsVssComponents 2.1.0"), "{}", finding.problem);
        assert!(finding.remedy.contains("a policy of its own"), "{}", finding.remedy);
        assert!(!finding.remedy.contains("vssctl apply"), "no package helps: {}", finding.remedy);
    }
}

#[test]
fn no_finding_on_an_older_server_advises_what_would_end_its_vss() {
    type Fault = fn(&mut Evidence);
    let faults: [(&str, Fault); 4] = [
        ("D021", |evidence| fixture::role(evidence, INSTANCE_ROLE).inline.clear()),
        ("D020", |evidence| evidence.profiles = Known::Known(BTreeMap::new())),
        ("D030", |evidence| server(evidence, R2_2012, Some(Installed::Gone))),
        ("D076", |evidence| {
            let message =
                "Windows VSS Backup attempt failed because of insufficient privileges to perform this operation";
            evidence.jobs = Known::Known(vec![fixture::fallback("j", "2026-01-14T18:00:00Z", message)]);
        }),
    ];
    for (check, fault) in faults {
        let diagnosis = with(|evidence| {
            server(evidence, R2_2012, Some(version("2.1.0")));
            own_policy(evidence);
            fault(evidence);
        });
        let finding = diagnosis.findings.iter().find(|finding| finding.check == check).expect(check);
        for wrong in ["attach AWSEC2VssSnapshotPolicy", "2.3.1 or later", "vss-instance", "Uninstall and reinstall"] {
            assert!(!finding.remedy.contains(wrong), "{check}: {}", finding.remedy);
        }
        assert!(finding.remedy.contains("2.1.0"), "{check}: {}", finding.remedy);
    }
}

#[test]
fn a_message_of_aws_means_what_helps_on_the_system() {
    let privileges = "because of insufficient privileges to perform this operation";
    let meaning = crate::vss::messages::meaning(privileges).expect("documented");
    let on = |name: &str| meaning.fix_on(System::of(name).as_ref());
    assert!(on("Microsoft Windows Server 2019 Datacenter").starts_with("attach AWSEC2VssSnapshotPolicy"));
    assert_eq!(on(""), meaning.fix);
    assert!(on(R2_2012).starts_with("give the role a policy of its own") && on(R2_2008).contains("1.3.1.0 only"));
}
