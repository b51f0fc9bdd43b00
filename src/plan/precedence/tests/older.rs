//! Servers on which one older version alone works, between newer ones.

use super::*;

/// A server with Windows Server 2012 R2.
fn r2(profile: &str, installed: impl Into<Option<Installed>>) -> Machine {
    let system = System::of("Microsoft Windows Server 2012 R2 Standard");
    Machine { name: "r2-1".to_owned(), system, ..machine(profile, installed) }
}

fn r2_2008(profile: &str, installed: impl Into<Option<Installed>>) -> Machine {
    let system = System::of("Microsoft Windows Server 2008 R2 Standard");
    Machine { name: "r2-1".to_owned(), system, ..machine(profile, installed) }
}

/// A newer server beside it, with the same profile.
fn newer(profile: &str, installed: impl Into<Option<Installed>>) -> Machine {
    let system = System::of("Microsoft Windows Server 2019 Datacenter");
    Machine { id: "i-0aaaaaaaaaaaaaaa2".to_owned(), system, ..machine(profile, installed) }
}

fn pinned(version: &str) -> String {
    PACKAGE.replace("minimum_version = \"2.3.1\"", &format!("version = \"{version}\""))
}

/// A package for both servers.
fn both(package: &str) -> String {
    package.replace(&format!("[\"{ID}\"]"), &format!("[\"{ID}\", \"i-0aaaaaaaaaaaaaaa2\"]"))
}

/// The notes of hazards that name the older server and its system.
fn named(plan: &Plan) -> Vec<String> {
    let is_named = |why: &&String| why.contains(&format!("r2-1 ({ID})")) && why.contains("Windows Server 20");
    notes(plan).iter().map(|(_, why)| why).filter(is_named).cloned().collect()
}

#[test]
fn the_managed_policy_never_comes_to_a_server_on_which_no_newer_package_works() {
    let kept = || Installed::Before(Version::new("2.3.1"));
    for (before, after, profile, cause, _) in ways() {
        for installed in [Some(version("2.1.0")), Some(kept()), None] {
            for package in ["", PACKAGE] {
                let plan = plan(&before, &format!("{after}{package}"), r2(profile, installed.clone()));
                assert_eq!(action(&plan, cause), Action::Refused, "{after}{package}");
                let [refusal] = refusals(&plan)[..] else { panic!("{cause}: {:#?}", plan.diagnostics) };
                assert!(
                    refusal.contains(&format!("r2-1 ({ID}): ")) && refusal.contains("Windows Server 2012 R2 works"),
                    "{refusal}"
                );
                let advice = plan.diagnostics.iter().find(|one| one.code == "VSS0913").expect("VSS0913");
                assert!(!advice.help.iter().any(|help| help.contains("brings them to")), "{advice:#?}");
            }
        }
    }
}

#[test]
fn a_package_is_a_hazard_where_it_ends_the_vss_of_an_older_server_and_nowhere_else() {
    type Server = fn(&str, Option<Installed>) -> Machine;
    let cases: [(Server, &str, &str); 2] = [(r2, "2.1.0", "1.3.1.0"), (r2_2008, "1.3.1.0", "2.1.0")];
    let removed = PACKAGE.replace("minimum_version = \"2.3.1\"", "action = \"Uninstall\"");
    for (server, right, other) in cases {
        for installed in [Some(version(right)), Some(Installed::Before(Version::new("2.3.1"))), None] {
            let with = |package: &str| plan("", package, server("app", installed.clone()));
            for ends in [PACKAGE.to_owned(), pinned("2.5.1"), pinned(other), removed.clone()] {
                let plan = with(&ends);
                assert_eq!(named(&plan).len(), 1, "{ends}: {:#?}", notes(&plan));
            }
            assert_eq!(notes(&with(&pinned(right))), [], "{right}");
        }
        // From the right pin to another one, and back, which ends nothing.
        let moved = |from: &str, to: &str, installed: Installed| plan(from, to, server("app", Some(installed)));
        assert_eq!(named(&moved(&pinned(right), PACKAGE, version(right))).len(), 1);
        assert_eq!(notes(&moved(&pinned("2.5.1"), &pinned(right), version("2.5.1"))), []);
        assert_eq!(notes(&moved(PACKAGE, &pinned(right), version("2.5.1"))), []);
        // What stands already is no change, and what is broken already loses nothing.
        assert_eq!(notes(&moved(PACKAGE, PACKAGE, version(right))), []);
        assert_eq!(named(&moved(&pinned(right), PACKAGE, version("2.5.1"))), [""; 0]);
        // Where it is not there, an installation that can't succeed is named all the same.
        assert_eq!(named(&moved("", PACKAGE, Installed::Gone)).len(), 1);
        assert_eq!(named(&moved("", &removed, Installed::Gone)), [""; 0]);
    }
}

#[test]
fn targets_that_newly_reach_an_older_server_are_a_hazard() {
    let elsewhere = PACKAGE.replace(ID, "i-0aaaaaaaaaaaaaaa2");
    let plan = plan(&elsewhere, &both(PACKAGE), r2("app", version("2.1.0")));
    assert_eq!(named(&plan).len(), 1, "{:#?}", notes(&plan));
}

#[test]
fn an_unknown_system_and_a_newer_one_are_never_a_hazard() {
    for system in ["", "Microsoft Windows Server", "Microsoft Windows Server 2016 Datacenter"] {
        let server = Machine { system: System::of(system), ..machine("app", version("2.1.0")) };
        for package in [PACKAGE.to_owned(), pinned("2.5.1"), pinned("2.1.0")] {
            assert_eq!(notes(&plan("", &package, server.clone())), [], "{system}: {package}");
        }
    }
    let linux = Machine { windows: false, ..r2("app", None) };
    assert_eq!(notes(&plan("", PACKAGE, linux)), []);
}

#[test]
fn a_pin_that_is_right_for_one_server_still_goes_back_on_another() {
    let machines = Machines::Read(vec![r2("app", version("2.1.0")), newer("app", version("2.5.1"))]);
    let plan = plan_with("", &both(&pinned("2.1.0")), &machines);
    let [(_, why)] = &notes(&plan)[..] else { panic!("{:#?}", notes(&plan)) };
    assert!(why.contains("from 2.5.1 to 2.1.0 on sql-1 (i-0aaaaaaaaaaaaaaa2)"), "{why}");
}

#[test]
fn a_canary_is_never_a_server_on_which_the_version_does_not_work() {
    let file = format!("{}canary = 1\n", both(PACKAGE));
    let machines = Machines::Read(vec![r2("app", version("2.1.0")), newer("app", version("2.2.1"))]);
    let plan = plan_with("", &file, &machines);
    let sent = plan.steps.iter().flat_map(|step| &step.calls).find(|call| call.action() == "ssm:SendCommand");
    let sent = sent.expect("a canary").input.to_string();
    assert!(sent.contains("i-0aaaaaaaaaaaaaaa2") && !sent.contains(ID), "{sent}");
}

#[test]
fn a_command_is_not_sent_again_to_a_server_on_which_the_minimum_never_works() {
    let command = PACKAGE.replace("schedule = \"rate(1 day)\"\n", "");
    let due = plan(&command, &command, newer("app", version("2.2.1")));
    let sends =
        |plan: &Plan| plan.steps.iter().flat_map(|step| &step.calls).any(|call| call.action() == "ssm:SendCommand");
    assert!(!sends(&due), "it means another instance");
    assert!(sends(&plan(&command, &command, machine("app", version("2.2.1")))), "the control");
    let plan = plan(&command, &command, r2("app", version("2.1.0")));
    assert!(!sends(&plan), "{:#?}", plan.steps);
}

#[test]
fn a_role_that_loses_the_policy_of_an_older_server_names_the_server() {
    let before = format!(
        "[role.app]\npreset = \"vss-instance\"\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\"]\n\
         inline_policies.Vss = {OLDER}\n"
    );
    let after = before.replace(OLDER, NOTHING);
    for installed in [Some(version("2.1.0")), None] {
        let taken = plan(&before, &after, r2("app", installed));
        assert_eq!(named(&taken).len(), 1, "{:#?}", notes(&taken));
    }
    let broken = plan(&before, &after, r2("app", version("2.5.1")));
    assert_eq!(named(&broken), [""; 0]);
    let elsewhere = plan(&before, &after, r2("another", version("2.1.0")));
    assert_eq!(named(&elsewhere), [""; 0]);
}
