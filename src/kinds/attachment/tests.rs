//! What an entry means, and the calls that it takes, without an account.

use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::live::Seen;
use super::{Attachment, FIELDS, calls};
use crate::aws::{Instance, ProfileAssociation};
use crate::kind::{Calls, Desired, Fields, Kind, Live, Rings, Transition, diff};
use crate::model::Action;
use crate::model::{Address, Scope};

const OURS: &str = "arn:aws:iam::123456789012:instance-profile/ours";
const OLD: &str = "arn:aws:iam::123456789012:instance-profile/old";
const THEIRS: &str = "arn:aws:iam::123456789012:instance-profile/theirs";

fn entry(key: &str, profile: &str, targets: &Value) -> Desired {
    Desired {
        address: Address::new(KindId::Attachment, key),
        name: key.to_owned(),
        fields: Fields::from_iter([
            ("instance_profile".to_owned(), profile.into()),
            ("targets".to_owned(), targets.clone()),
        ]),
        options: Fields::new(),
        references: vec![Address::new(KindId::InstanceProfile, "ours")],
        adopt: false,
        protect: false,
        renamed_from: None,
        location: None,
    }
}

fn instance(id: &str, state: &str) -> Instance {
    let tags = BTreeMap::from([("Vss".to_owned(), "on".to_owned())]);
    Instance { id: id.to_owned(), state: state.to_owned(), tags, ..Instance::default() }
}

fn on(instance: &str, profile: &str) -> ProfileAssociation {
    ProfileAssociation {
        id: format!("assoc-{instance}"),
        instance: instance.to_owned(),
        profile: profile.to_owned(),
        state: "associated".to_owned(),
    }
}

fn tagged() -> Value {
    json!({ "tag:Vss": ["on"] })
}

fn live(entries: &[&Desired], instances: &[Instance], associations: &[ProfileAssociation]) -> Vec<Live> {
    let own = BTreeSet::from([OURS.to_owned(), OLD.to_owned()]);
    let seen = Seen::new(entries, instances, associations, &own);
    entries.iter().map(|entry| seen.normal_form(entry)).collect()
}

fn update(desired: &Desired, live: &Live, replaced: &BTreeSet<Address>) -> Calls {
    let mut desired = desired.clone();
    Attachment.complete(&mut desired, live);
    calls::calls(&Transition {
        changes: &diff::diff(FIELDS, &desired.fields, &live.fields, &BTreeMap::new()),
        scope: &Scope {
            stack: "s".to_owned(),
            account_id: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            iam_path: "/".to_owned(),
        },
        action: Action::Update,
        rings: &Rings::default(),
        address: &desired.address,
        desired: Some(&desired),
        live: Some(live),
        marks: &BTreeMap::new(),
        neighbours: &BTreeMap::new(),
        replaced,
        attempt: 0,
    })
}

#[test]
fn each_instance_gets_the_call_that_it_needs() {
    let desired = entry("a", OURS, &tagged());
    let instances = [
        instance("i-1", "running"),
        instance("i-2", "running"),
        instance("i-3", "running"),
        instance("i-4", "stopped"),
        instance("i-5", "stopped"),
    ];
    let live = live(&[&desired], &instances, &[on("i-2", OLD), on("i-3", OURS), on("i-4", OLD)]);
    let calls = update(&desired, &live[0], &BTreeSet::new());
    let made: Vec<(&str, &Value)> = calls.ensure.iter().map(|call| (call.action(), &call.input)).collect();
    assert_eq!(
        made,
        [
            ("ec2:AssociateIamInstanceProfile", &json!({"InstanceId": "i-1", "IamInstanceProfile": {"Name": "ours"}})),
            (
                "ec2:ReplaceIamInstanceProfileAssociation",
                &json!({"AssociationId": "assoc-i-2", "IamInstanceProfile": {"Name": "ours"}})
            ),
            // EC2 replaces no profile of a stopped instance.
            ("ec2:DisassociateIamInstanceProfile", &json!({"AssociationId": "assoc-i-4"})),
            ("ec2:AssociateIamInstanceProfile", &json!({"InstanceId": "i-4", "IamInstanceProfile": {"Name": "ours"}})),
            ("ec2:AssociateIamInstanceProfile", &json!({"InstanceId": "i-5", "IamInstanceProfile": {"Name": "ours"}})),
        ]
    );
    assert!(calls.release.is_empty() && calls.remove.is_empty());
}

#[test]
fn a_profile_that_is_made_again_leaves_the_instances_first() {
    let desired = entry("a", OURS, &tagged());
    let live = live(&[&desired], &[instance("i-1", "running")], &[on("i-1", OURS)]);
    let calls = update(&desired, &live[0], &BTreeSet::from([Address::new(KindId::InstanceProfile, "ours")]));
    assert_eq!(calls.release[0].action(), "ec2:DisassociateIamInstanceProfile");
    assert_eq!(calls.ensure[0].action(), "ec2:AssociateIamInstanceProfile");
}

#[test]
fn only_instances_whose_profile_ec2_can_change_are_meant() {
    let desired = entry("a", OURS, &tagged());
    let states = ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"];
    let instances: Vec<Instance> = states.iter().map(|state| instance(&format!("i-{state}"), state)).collect();
    let live = live(&[&desired], &instances, &[]);
    assert_eq!(live[0].carried.to_json()["Instances"], json!(["i-running", "i-stopped"]));
}

#[test]
fn a_strangers_profile_needs_leave_and_our_own_does_not() {
    let mut desired = entry("a", OURS, &tagged());
    let instances = [instance("i-1", "running"), instance("i-2", "running")];
    let theirs = live(&[&desired], &instances, &[on("i-1", THEIRS), on("i-2", OLD)]);
    let conflict = Attachment.conflict(&desired, &theirs[0], &[]).expect("a conflict");
    assert!(conflict.message.contains("`i-1`") && !conflict.message.contains("i-2"), "{}", conflict.message);
    desired.options.insert("replace".to_owned(), true.into());
    assert_eq!(Attachment.conflict(&desired, &theirs[0], &[]), None);
}

#[test]
fn an_instance_that_is_not_there_or_that_two_entries_want_is_a_conflict() {
    let gone = entry("a", OURS, &json!({ "InstanceIds": ["i-1", "i-9"] }));
    let found = live(&[&gone], &[instance("i-1", "running"), instance("i-9", "terminated")], &[]);
    assert!(
        Attachment.conflict(&gone, &found[0], &[]).is_some_and(|conflict| conflict.message.contains("`i-9` is no"))
    );
    let (one, two) = (entry("a", OURS, &tagged()), entry("b", OLD, &json!({ "InstanceIds": ["i-1"] })));
    let found = live(&[&one, &two], &[instance("i-1", "running")], &[]);
    for (entry, live) in [&one, &two].into_iter().zip(&found) {
        assert!(Attachment.conflict(entry, live, &[]).is_some_and(|conflict| conflict.message.contains("too")));
    }
    let (one, two) = (entry("a", OURS, &tagged()), entry("b", OURS, &json!({ "InstanceIds": ["i-1"] })));
    let found = live(&[&one, &two], &[instance("i-1", "running")], &[]);
    assert_eq!(Attachment.conflict(&one, &found[0], &[]), None);
}

#[test]
fn orphans_are_what_carries_a_managed_profile_of_ours_and_no_entry_means() {
    let desired = entry("a", OURS, &json!({ "InstanceIds": ["i-1"] }));
    let own = BTreeSet::from([OURS.to_owned(), OLD.to_owned()]);
    let ids = ["i-1", "i-2", "i-3", "i-4", "i-5"];
    let mut instances: Vec<Instance> = ids.iter().map(|id| instance(id, "running")).collect();
    instances[4].state = "terminated".to_owned();
    let associations = [on("i-1", OURS), on("i-2", OURS), on("i-3", OLD), on("i-4", THEIRS), on("i-5", OURS)];
    let entries = [&desired];
    let orphans = Seen::new(&entries, &instances, &associations, &own).orphans();
    assert_eq!(orphans.iter().map(|live| live.name.as_str()).collect::<Vec<_>>(), ["i-2"]);
}
