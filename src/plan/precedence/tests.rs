//! What comes before what on made-up accounts: one file is live, the other is wanted.

use crate::kind::{Carried, Holder, HolderKind};
use crate::kinds::attachment::{AttachmentCarried, On};
use crate::kinds::role::RoleCarried;
use crate::model::KindId;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Action;
use crate::config;
use crate::kind::targets::means;
use crate::kind::{Desired, Found, KindLive, Live, Owner};
use crate::kinds::registry;
use crate::model::Scope;
use crate::plan::build::build;
use crate::plan::references::Standings;
use crate::plan::{Hazard, Plan, hazard};
use crate::plan::{Input, Options};
use crate::vss::Moment;
use crate::vss::gate::{Account, Evidence, Machine, Machines, Role};
use crate::vss::others::Others;
use crate::vss::package::{Installed, PackageEvidence, PackageSource};
use crate::vss::version::{System, Version};

mod older;

const STACK: &str = "[stack]\nname = \"s\"\naccount_id = \"123456789012\"\nregion = \"ap-northeast-1\"\n";
/// What older packages need, and what no package can do anything with.
const OLDER: &str = concat!(
    r#"'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
    r#""Action":["ec2:CreateSnapshot","ec2:CreateTags"],"Resource":"*"}]}'"#
);
const NOTHING: &str =
    r#"'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}]}'"#;
/// All that VSS needs, but of what it makes only what carries the tag that newer packages set.
const TAGGED: &str = concat!(
    r#"'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","#,
    r#""Action":["ssm:UpdateInstanceInformation","ec2:DescribeInstances"],"Resource":"*"},{"Effect":"Allow","#,
    r#""Action":["ec2:CreateImage","ec2:CreateSnapshot","ec2:CreateSnapshots","ec2:CreateTags"],"Resource":"*","#,
    r#""Condition":{"StringLike":{"aws:RequestTag/AwsVssConfig":"*"}}}]}'"#
);
const PACKAGE: &str = "[package.AwsVssComponents]\nminimum_version = \"2.3.1\"\nschedule = \"rate(1 day)\"\n\
     targets = { instance_ids = [\"i-0aaaaaaaaaaaaaaa1\"] }\n";
const ID: &str = "i-0aaaaaaaaaaaaaaa1";

/// A role that older packages work with, and one that they don't, each with a profile of its name.
fn roles() -> String {
    format!(
        "[role.old]\npreset = \"vss-instance\"\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\"]\n\
         inline_policies.Vss = {OLDER}\n\
         [role.vss]\npreset = \"vss-instance\"\n"
    )
}

fn attached(profile: &str) -> String {
    format!(
        "{}[attachment.sql]\ninstance_profile = \"{profile}\"\ntargets = {{ instance_ids = [\"{ID}\"] }}\n",
        roles()
    )
}

fn held(role: &str) -> String {
    format!("{}[instance_profile.app]\nrole = \"{role}\"\n", roles())
}

/// One role with a policy of the file beside the managed one.
fn edited(document: &str) -> String {
    format!(
        "[policy.Vss]\ndocument = {document}\n[role.app]\npreset = \"vss-instance\"\n\
         managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\", \"Vss\"]\n"
    )
}

fn machine(profile: &str, installed: impl Into<Option<Installed>>) -> Machine {
    let evidence =
        |installed| PackageEvidence { installed, source: PackageSource::Installation, at: Moment::default() };
    Machine {
        id: ID.to_owned(),
        name: "sql-1".to_owned(),
        windows: true,
        running: true,
        offline: false,
        tags: BTreeMap::new(),
        profile: Some(profile.to_owned()),
        package: installed.into().map(evidence),
        system: None,
    }
}

fn version(text: &str) -> Installed {
    Installed::Version(Version::new(text))
}

fn desired(toml: &str) -> (Scope, Vec<Desired>) {
    let loaded = config::load_text("vss.toml", &format!("{STACK}{toml}"), None);
    let config = loaded.config.unwrap_or_else(|| panic!("{:#?}\n{toml}", loaded.diagnostics));
    (config.scope, config.desired)
}

fn set(entry: &Desired, name: &str) -> Value {
    entry.fields.get(name).cloned().unwrap_or_default()
}

/// The live resource of an entry, as its kind would read it.
fn live(scope: &Scope, entry: &Desired, all: &[Desired], machines: &[Machine]) -> Live {
    let kind = entry.address.kind();
    let mut fields = entry.fields.clone();
    let mut ids = BTreeMap::from([("AssociationId".to_owned(), "a".to_owned())]);
    let carried = match kind {
        KindId::Role => {
            let holds =
                |other: &&Desired| other.address.kind() == KindId::InstanceProfile && set(other, "role") == entry.name;
            let holder = |other: &Desired| Holder {
                kind: HolderKind::Kind(KindId::InstanceProfile),
                name: other.name.clone(),
                id: scope.iam_arn("instance-profile", "/", &other.name),
            };
            let attached = serde_json::from_value(set(entry, "managed_policies")).unwrap_or_default();
            let holders = all.iter().filter(holds).map(holder).collect();
            Carried::new(RoleCarried { attached_managed_policies: attached, holders, ..RoleCarried::default() })
        }
        KindId::Attachment => {
            let targets = set(entry, "targets");
            let meant: Vec<&Machine> =
                machines.iter().filter(|machine| means(&targets, &machine.id, &machine.tags)).collect();
            let arn = |name: &str| scope.iam_arn("instance-profile", "/", name);
            let on = meant.iter().filter_map(|one| Some((one.id.clone(), arn(one.profile.as_deref()?).into())));
            fields = Map::from_iter([("instances".to_owned(), Value::Object(on.collect()))]);
            let own = || On { association_id: "x".to_owned(), is_own: true, is_stopped: false };
            Carried::new(AttachmentCarried {
                instances: meant.iter().map(|machine| machine.id.clone()).collect(),
                associations: meant.iter().map(|machine| (machine.id.clone(), own())).collect(),
                ..AttachmentCarried::default()
            })
        }
        _ => Carried::default(),
    };
    let resource = crate::kinds::of(kind).iam_resource().unwrap_or(kind.name());
    ids.insert("Arn".to_owned(), scope.iam_arn(resource, "/", &entry.name));
    let owner = Owner::Ours(Some(entry.address.clone()));
    Live { name: entry.name.clone(), owner, ids, fields, carried, refers: Vec::new() }
}

fn account(scope: &Scope, before: &[Desired]) -> Account {
    let mut account = Account::default();
    for entry in before {
        let name = entry.name.to_lowercase();
        match entry.address.kind() {
            KindId::Role => {
                let managed = serde_json::from_value(set(entry, "managed_policies")).unwrap_or_default();
                let inline = set(entry, "inline_policies").as_object().cloned().unwrap_or_default();
                let boundary = set(entry, "permissions_boundary").as_str().map(str::to_owned);
                account.roles.insert(name, Role { inline, managed, boundary });
            }
            KindId::InstanceProfile => {
                account.profiles.insert(name, set(entry, "role").as_str().unwrap_or_default().to_lowercase());
            }
            KindId::Policy => {
                account.documents.insert(scope.iam_arn("policy", "/", &entry.name), set(entry, "document"));
            }
            _ => {}
        }
    }
    account
}

/// Plans from one file to the other, with these instances.
fn plan_with(before: &str, after: &str, machines: &Machines) -> Plan {
    let ((scope, before), (_, after)) = (desired(before), desired(after));
    let seen = match machines {
        Machines::Read(machines) => machines.clone(),
        Machines::NotRead | Machines::Unread(_) => Vec::new(),
    };
    let mut all: Vec<(KindId, KindLive)> = Vec::new();
    for kind in registry() {
        let mut read = KindLive::default();
        for entry in after.iter().filter(|entry| entry.address.kind() == kind.id()) {
            let was = before.iter().find(|was| was.address == entry.address);
            let found = was.map_or(Found::Absent, |was| Found::Live(Box::new(live(&scope, was, &before, &seen))));
            read.found.insert(entry.address.clone(), found);
        }
        all.push((kind.id(), read));
    }
    let options = Options::default();
    let account = account(&scope, &before);
    let installed = Evidence {
        account,
        machines: machines.clone(),
        fleet: matches!(machines, Machines::Read(_)).then(|| seen.clone()),
        ..Evidence::default()
    };
    build(&Input {
        scope: &scope,
        config_sha256: "",
        desired: &after,
        live: &all,
        installed: &installed,
        references: &Standings::new(),
        others: &Others::default(),
        quotas: &[],
        options: &options,
    })
}

fn plan(before: &str, after: &str, machine: Machine) -> Plan {
    plan_with(before, after, &Machines::Read(vec![machine]))
}

fn action(plan: &Plan, address: &str) -> Action {
    let change = plan.changes.iter().find(|change| change.address.to_string() == address);
    change.unwrap_or_else(|| panic!("no {address} in {:#?}", plan.changes)).action
}

/// What a refusal says.
fn refusals(plan: &Plan) -> Vec<&str> {
    plan.diagnostics.iter().filter(|one| one.code == "VSS0913").map(|one| one.message.as_str()).collect()
}

fn notes(plan: &Plan) -> Vec<(String, String)> {
    let found = hazard::all(plan).filter(|(_, note)| note.hazard == Hazard::VssUnavailable);
    found.map(|(address, note)| (address.to_string(), note.why.clone())).collect()
}

/// The place of the first call of an operation.
fn place(plan: &Plan, action: &str) -> usize {
    let mut calls = plan.steps.iter().flat_map(|step| &step.calls);
    calls.position(|call| call.action() == action).unwrap_or_else(|| panic!("no {action} in {:#?}", plan.steps))
}

/// Every way to leave an instance with the managed policy alone: the files, the profile on the instance, the entry that
/// does it, and the call that takes the older policy away.
fn ways() -> Vec<(String, String, &'static str, &'static str, &'static str)> {
    let role = |policies: &str| format!("[role.app]\npreset = \"vss-instance\"\n{policies}\n");
    let older = role(&format!("managed_policies = [\"AmazonSSMManagedInstanceCore\"]\ninline_policies.Vss = {OLDER}"));
    let only = "[role.app]\npreset = \"vss-instance-backup-only\"\n".to_owned();
    let additive = |document: &str| role(&format!("policies_mode = \"additive\"\ninline_policies.Vss = {document}"));
    let replaced = role("path = \"/new/\"\ninline_policies = {}");
    let beside = format!(
        "managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\"]\n\
         inline_policies.Vss = {OLDER}\n"
    );
    let bounded = |more: &str| format!("[policy.Limit]\ndocument = {TAGGED}\n{}", role(&format!("{beside}{more}")));
    let limit = "permissions_boundary = \"Limit\"";
    vec![
        (bounded(""), bounded(limit), "app", "role.app", "iam:PutRolePermissionsBoundary"),
        (older.clone(), role("inline_policies = {}"), "app", "role.app", "iam:DeleteRolePolicy"),
        (older.clone(), only, "app", "role.app", "iam:DeleteRolePolicy"),
        (additive(OLDER), additive(NOTHING), "app", "role.app", "iam:PutRolePolicy"),
        (
            older.replace("[role.app]\n", "[role.app]\npath = \"/old/\"\n"),
            replaced,
            "app",
            "role.app",
            "iam:RemoveRoleFromInstanceProfile",
        ),
        (attached("old"), attached("vss"), "old", "attachment.sql", "ec2:ReplaceIamInstanceProfileAssociation"),
        (held("old"), held("vss"), "app", "instance_profile.app", "iam:RemoveRoleFromInstanceProfile"),
        (edited(OLDER), edited(NOTHING), "app", "policy.Vss", "iam:CreatePolicyVersion"),
    ]
}

#[test]
fn whatever_takes_the_older_policy_away_is_refused_while_an_older_package_needs_it() {
    for (before, after, profile, cause, _) in ways() {
        for installed in [version("2.2.1"), Installed::Before(Version::new("2.3.1"))] {
            let plan = plan(&before, &after, machine(profile, installed));
            assert_eq!(action(&plan, cause), Action::Refused, "{after}");
            let [refusal] = refusals(&plan)[..] else { panic!("{cause}: {:#?}", plan.diagnostics) };
            assert!(refusal.contains(cause) && refusal.contains(&format!("sql-1 ({ID}): ")), "{refusal}");
        }
    }
}

#[test]
fn whatever_takes_the_older_policy_away_waits_for_the_package_on_the_instance() {
    for (before, after, profile, cause, takes) in ways() {
        let plan = plan(&before, &format!("{after}{PACKAGE}"), machine(profile, version("2.2.1")));
        assert_eq!(refusals(&plan), [""; 0], "{after}");
        let (sent, there) = (place(&plan, "ssm:SendCommand"), place(&plan, "ssm:GetCommandInvocation"));
        assert!(sent < there && there < place(&plan, takes), "{cause}: {:#?}", plan.steps);
        let package = plan.steps.iter().find(|step| step.address.kind() == KindId::Package).expect("the package");
        let taking = plan.steps.iter().find(|step| step.calls.iter().any(|call| call.action() == takes));
        assert!(comes_before(&plan, package.id, taking.expect("the call").id), "{cause}: {:#?}", plan.steps);
        assert_eq!(notes(&plan), [], "{cause}");
    }
}

/// Whether a step waits for another, directly or not: the place in the list alone would not make it wait.
fn comes_before(plan: &Plan, first: usize, then: usize) -> bool {
    plan.steps[then].after.iter().any(|id| *id == first || comes_before(plan, first, *id))
}

#[test]
fn an_unknown_version_asks_for_consent_and_refuses_nothing() {
    for (before, after, profile, cause, takes) in ways() {
        let plan = plan(&before, &after, machine(profile, None::<Installed>));
        assert_eq!(refusals(&plan), [""; 0], "{after}");
        place(&plan, takes);
        let notes = notes(&plan);
        assert!(
            notes
                .iter()
                .any(|(address, why)| address == cause && why.contains(&format!("the version on sql-1 ({ID})"))),
            "{cause}: {notes:?}"
        );
    }
}

#[test]
fn a_new_enough_package_and_instances_of_others_ask_nothing() {
    for (before, after, profile, cause, takes) in ways() {
        let linux = Machine { windows: false, ..machine(profile, version("2.2.1")) };
        let bare = Machine { profile: Some("another".to_owned()), ..machine(profile, version("2.2.1")) };
        for machine in [machine(profile, version("2.3.1")), machine(profile, Installed::Gone), linux, bare] {
            let plan = plan(&before, &after, machine);
            assert_eq!((refusals(&plan), notes(&plan)), (Vec::new(), Vec::new()), "{cause}");
            place(&plan, takes);
        }
    }
}

#[test]
fn a_package_that_brings_an_older_version_refuses_it_whatever_is_there_now() {
    let pinned = PACKAGE.replace("minimum_version = \"2.3.1\"", "version = \"2.2.1\"");
    let removed = PACKAGE.replace("minimum_version = \"2.3.1\"", "action = \"Uninstall\"");
    for (before, after, profile, cause, _) in ways() {
        for (package, installed) in [(&pinned, "2.5.1"), (&removed, "2.2.1")] {
            let plan = plan(&before, &format!("{after}{package}"), machine(profile, version(installed)));
            assert_eq!(action(&plan, cause), Action::Refused, "{after}{package}");
        }
        // It stands, and puts the version on whoever has none.
        let stands =
            plan(&format!("{before}{pinned}"), &format!("{after}{pinned}"), machine(profile, None::<Installed>));
        assert_eq!(action(&stands, cause), Action::Refused, "{after}");
    }
}

#[test]
fn a_stopped_instance_with_an_older_package_refuses_it() {
    for (before, after, profile, cause, _) in ways() {
        let stopped = Machine { running: false, ..machine(profile, version("2.2.1")) };
        let plan = plan(&before, &format!("{after}{PACKAGE}"), stopped);
        assert_eq!(action(&plan, cause), Action::Refused, "{after}");
        assert!(refusals(&plan)[0].contains("2.2.1, stopped"), "{:?}", refusals(&plan));
    }
}

#[test]
fn what_changes_together_is_judged_together() {
    // The older permissions are in two places, and neither change alone takes them away.
    let before = format!(
        "[policy.Vss]\ndocument = {OLDER}\n[role.app]\npreset = \"vss-instance\"\ninline_policies.Own = {OLDER}\n\
         managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\", \"Vss\"]\n"
    );
    let (one, other) = (before.replacen(OLDER, NOTHING, 1), format!("inline_policies.Own = {OLDER}"));
    let both = one.replace(&other, &other.replace(OLDER, NOTHING));
    let installed = || machine("app", version("2.2.1"));
    assert_eq!(action(&plan(&before, &one, installed()), "policy.Vss"), Action::Update);
    let plan = plan(&before, &both, installed());
    assert_eq!((action(&plan, "policy.Vss"), action(&plan, "role.app")), (Action::Refused, Action::Refused));
}

#[test]
fn a_swap_that_is_refused_leaves_what_has_nothing_to_do_with_it() {
    let tagged = attached("vss").replace("[role.vss]", "[role.vss]\ndescription = \"new\"");
    let plan = plan(&attached("old"), &tagged, machine("old", version("2.2.1")));
    assert_eq!((action(&plan, "attachment.sql"), action(&plan, "role.vss")), (Action::Refused, Action::Update));
}

#[test]
fn another_profile_that_older_packages_work_with_too_is_no_swap() {
    let files = |profile: &str| attached(profile).replace("inline_policies.Vss", "inline_policies.Other");
    let plan = plan(&attached("vss"), &files("old"), machine("vss", version("2.2.1")));
    assert_eq!((refusals(&plan), notes(&plan)), (Vec::new(), Vec::new()));
}

#[test]
fn what_takes_the_policies_of_every_package_away_asks_for_consent() {
    let alone = |document: &str| edited(document).replace("\"AWSEC2VssSnapshotPolicy\", ", "");
    let bare = |profile: &str| attached(profile).replace("[role.vss]\n", "[role.vss]\nmanaged_policies = []\n");
    let ways =
        [(alone(OLDER), alone(NOTHING), "app", "policy.Vss"), (bare("old"), bare("vss"), "old", "attachment.sql")];
    for (before, after, profile, cause) in ways {
        let plan = plan(&before, &after, machine(profile, version("2.5.1")));
        let notes = notes(&plan);
        let said = |(address, why): &(String, String)| address == cause && why.contains("lose what VSS backups need");
        assert!(notes.iter().any(said), "{notes:?}");
    }
}

#[test]
fn instances_that_nobody_looked_for_may_be_on_any_profile() {
    for (before, after, profile, cause, _) in ways() {
        // What an attachment puts on whom is only known where its instances were read.
        if cause == "attachment.sql" {
            continue;
        }
        let plan = plan_with(&before, &after, &Machines::NotRead);
        let notes = notes(&plan);
        assert!(notes.iter().any(|(address, why)| address == cause && why.contains("2.3.1")), "{profile}: {notes:?}");
    }
}
