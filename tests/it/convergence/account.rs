//! The simulated account from outside: what strangers have, what the stack has, and what people do behind its back.

use std::collections::BTreeMap;
use vssctl::model::KindId;

use serde_json::{Value, json};
use vssctl::config::Config;
use vssctl::model::{Action, Address};
use vssctl::plan::{Change, Plan};
use vssctl::sandbox::Sandbox;

use super::random::Random;
use super::wire::Look;

const REGION: &str = "ap-northeast-1";
const STACK: &str = "bench";

/// Every thing of the account by kind and id, without what time alone changes.
pub(crate) fn things(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let export = sandbox.snapshot().expect("an account");
    let mut found = BTreeMap::new();
    let objects = |value: &Value| value.as_object().cloned().unwrap_or_default();
    for (collection, kind) in [("roles", "role"), ("policies", "policy"), ("profiles", "profile")] {
        for (name, thing) in objects(&export["iam"][collection]) {
            found.insert(format!("{kind} {name}"), thing);
        }
    }
    let region = &export["regions"][REGION];
    for (name, vault) in objects(&region["backup"]["vaults"]) {
        found.insert(format!("vault {name}"), vault);
    }
    for (name, plan) in objects(&region["backup"]["restore_testing"]) {
        found.insert(format!("test {name}"), plan);
    }
    for (id, mut plan) in objects(&region["backup"]["plans"]) {
        if plan["deleted"].is_null() {
            for (selection, thing) in objects(&plan["selections"]) {
                found.insert(format!("selection {id} {selection}"), thing);
            }
            plan["selections"] = Value::Null;
            found.insert(format!("plan {id}"), plan);
        }
    }
    for (id, association) in objects(&region["ssm"]["associations"]) {
        let lasting = json!({ "tags": association["tags"], "versions": association["versions"] });
        found.insert(format!("association {id}"), lasting);
    }
    found
}

/// Whether a thing is the stack's own.
pub(crate) fn is_ours(key: &str, thing: &Value) -> bool {
    let token = thing["creator_request_id"].as_str().is_some_and(|token| token.starts_with("v1."));
    let marked = thing["tags"]["vssctl:stack"] == STACK;
    let foreign = thing["tags"]["vssctl:stack"].as_str().is_some_and(|stack| stack != STACK);
    marked || (token && !foreign && !key.starts_with("association"))
}

/// What strangers have. A selection carries no mark: it belongs to whoever its plan belongs to.
pub(crate) fn strangers(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let things = things(sandbox);
    let in_our_plan = |key: &str| {
        let plan = key.strip_prefix("selection ").and_then(|ids| ids.split(' ').next()).map(|id| format!("plan {id}"));
        plan.is_some_and(|plan| things.get(&plan).is_some_and(|thing| is_ours(&plan, thing)))
    };
    things
        .iter()
        .filter(|(key, thing)| !is_ours(key, thing) && !in_our_plan(key))
        .map(|(key, thing)| (key.clone(), thing.clone()))
        .collect()
}

/// Counts the one-time commands: how many were sent, and how many of those again at once.
pub(crate) fn commands(sandbox: &Sandbox) -> (usize, usize) {
    let export = sandbox.snapshot().expect("an account");
    let commands = export["regions"][REGION]["ssm"]["commands"].as_object().cloned().unwrap_or_default();
    let mut sent: Vec<(i64, String, bool)> = commands
        .values()
        .map(|command| {
            let comment = command["definition"]["Comment"].as_str().unwrap_or_default();
            let runs = command["invocations"].as_array().cloned().unwrap_or_default();
            // What failed on an instance is sent again; to one that is off it is not.
            let stands = runs.iter().all(|run| run["status"] == "Success" || run["details"] == "DeliveryTimedOut");
            // How many at a time is no part of the comment; a command with other numbers was asked for.
            let numbers = [&command["definition"]["MaxConcurrency"], &command["definition"]["MaxErrors"]];
            let requested = command["requested"].as_i64().unwrap_or_default();
            (requested, format!("{comment} {numbers:?}"), stands)
        })
        .collect();
    sent.sort();
    let mut last: BTreeMap<String, (String, bool)> = BTreeMap::new();
    let mut again = 0;
    for (_, comment, stands) in &sent {
        let (address, _) = comment.split(' ').next().and_then(|comment| comment.rsplit_once('/')).unwrap_or_default();
        // What goes onto some instances first is idempotent: an apply that did not get further begins with it again.
        let is_first = address.contains("/first.");
        let before = last.insert(address.to_owned(), (comment.clone(), *stands));
        if before.is_some_and(|(before, stands)| before == *comment && stands) && !is_first {
            again += 1;
        }
    }
    (sent.len(), again)
}

/// Tells of the one-time commands and of the records that stand in for their token, with the time of each.
pub(crate) fn records(sandbox: &Sandbox) -> Vec<String> {
    let export = sandbox.snapshot().expect("an account");
    let ssm = &export["regions"][REGION]["ssm"];
    let mut lines: Vec<(i64, String)> = Vec::new();
    for (id, command) in ssm["commands"].as_object().into_iter().flatten() {
        let line = format!("command {id} {}", command["definition"]["Comment"]);
        lines.push((command["requested"].as_i64().unwrap_or_default(), line));
    }
    for (name, parameter) in ssm["parameters"].as_object().into_iter().flatten() {
        let made = &parameter["versions"][0];
        lines.push((made["modified"].as_i64().unwrap_or_default(), format!("{name} {made}")));
    }
    lines.sort();
    lines.into_iter().map(|(time, line)| format!("{time} {line}")).collect()
}

/// Tells whether a plan says why the second object of an entry stays.
fn second_stays(plan: &Plan, address: &Address) -> bool {
    let is_held = plan.diagnostics.iter().any(|one| one.code == "VSS0906" && one.address.as_ref() == Some(address));
    // What protects a selection keeps the plan that it is in.
    let is_of = |other: &Address| other.kind() == address.kind() || other.parent_key() == Some(address.key());
    let is_kept = |change: &Change| {
        change.action == Action::Refused
            && is_of(&change.address)
            && change.reason.as_ref().is_some_and(|reason| reason.contains("protect"))
    };
    is_held || plan.changes.iter().any(is_kept)
}

/// Looks, without the planner, whether the stack has exactly one thing for each entry that a plan found in order.
pub(crate) fn wrong(sandbox: &Sandbox, plan: &Plan, commands: &[String]) -> Vec<String> {
    let things = things(sandbox);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (key, thing) in &things {
        if let Some(address) = thing["tags"]["vssctl:id"].as_str().filter(|_| is_ours(key, thing)) {
            *count.entry(address.to_owned()).or_default() += 1;
        }
    }
    let mut found = Vec::new();
    for change in plan.changes.iter().filter(|change| change.action == Action::NoOp) {
        let address = change.address.to_string();
        if matches!(change.address.kind(), KindId::Selection | KindId::RegionSettings | KindId::Attachment)
            || commands.contains(&address)
        {
            continue;
        }
        // A plan's token names it as well as its tags do.
        let least = usize::from(change.address.kind() != KindId::Plan);
        match count.remove(&address) {
            Some(1) => {}
            // Somebody holds the other, or it is protected, and the plan says so.
            Some(2..) if second_stays(plan, &change.address) => {}
            other if other.unwrap_or_default() < 1 && least == 0 => {}
            other => found.push(format!("`{address}` has {} live things", other.unwrap_or_default())),
        }
    }
    let refused = |address: &str| plan.changes.iter().any(|change| change.address.to_string() == address);
    found.extend(count.keys().filter(|address| !refused(address)).map(|address| format!("`{address}` is left over")));
    let mut names: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (key, thing) in things.iter().filter(|(key, thing)| key.starts_with("selection") && is_ours(key, thing)) {
        let plan = key.split(' ').nth(1).unwrap_or_default().to_owned();
        let name = thing["document"]["SelectionName"].as_str().unwrap_or_default().to_owned();
        *names.entry((plan, name)).or_default() += 1;
    }
    found.extend(names.iter().filter(|(_, count)| **count > 1).map(|(name, count)| format!("{count} of {name:?}")));
    found
}

/// Does something as somebody else, whatever comes of it.
fn call(sandbox: &Sandbox, service: &str, operation: &str, input: impl std::borrow::Borrow<Value>) -> Value {
    sandbox.call(service, operation, REGION, input.borrow()).unwrap_or_default()
}

fn stranger_tags(random: &mut Random) -> Vec<(&'static str, &'static str)> {
    match random.below(4) {
        0 => vec![("vssctl:stack", "other"), ("vssctl:id", "role.a")],
        1 => vec![("aws-like", "cfn"), ("team", "x")],
        _ => Vec::new(),
    }
}

fn tag_list(tags: &[(&str, &str)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn tag_map(tags: &[(&str, &str)]) -> Value {
    tags.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into()
}

/// Lets strangers make things of the names that files use.
pub(crate) fn populate(sandbox: &Sandbox, random: &mut Random) {
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}}"#;
    for _ in 0..random.below(6) {
        let tags = stranger_tags(random);
        let letter = *random.pick(&["a", "b", "c"]);
        match random.below(7) {
            0 => {
                let name = if random.one_in(3) { format!("ROLE-{letter}") } else { format!("Role-{letter}") };
                let input = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust, "Tags": tag_list(&tags) });
                call(sandbox, "iam", "CreateRole", input);
            }
            1 => {
                let input = json!({ "InstanceProfileName": format!("Role-{letter}"), "Tags": tag_list(&tags) });
                call(sandbox, "iam", "CreateInstanceProfile", input);
            }
            2 => {
                let input = json!({ "PolicyName": "Policy-p", "PolicyDocument": document, "Tags": tag_list(&tags) });
                call(sandbox, "iam", "CreatePolicy", input);
            }
            3 => {
                let name = random.pick(&["vault-v", "vault-w", "vault-z"]);
                let input = json!({ "BackupVaultName": name, "BackupVaultTags": tag_map(&tags) });
                call(sandbox, "backup", "CreateBackupVault", input);
            }
            4 => {
                call(sandbox, "backup", "CreateBackupVault", json!({ "BackupVaultName": "theirs" }));
                let name = random.pick(&["plan-d", "plan-e", "other-d"]);
                let rule = json!({ "RuleName": "r", "TargetBackupVaultName": "theirs", "StartWindowMinutes": 60 + random.below(9) });
                let input = json!({ "BackupPlan": { "BackupPlanName": name, "Rules": [rule] }, "BackupPlanTags": tag_map(&tags) });
                let plan = call(sandbox, "backup", "CreateBackupPlan", input);
                call(
                    sandbox,
                    "iam",
                    "CreateRole",
                    json!({ "RoleName": "theirs", "AssumeRolePolicyDocument": trust.replace("ec2", "backup") }),
                );
                let selection = json!({ "SelectionName": "x", "IamRoleArn": "arn:aws:iam::123456789012:role/theirs", "Resources": ["*"] });
                let input = json!({ "BackupPlanId": plan["BackupPlanId"], "BackupSelection": selection });
                call(sandbox, "backup", "CreateBackupSelection", input);
            }
            _ => {
                let name = random.pick(&["vssctl-s", "vssctl-t", "theirs"]);
                // The files of few keys and those of every key have tags of their own.
                let (key, value) = if *name == "theirs" { ("tag:VssBackup", "enabled") } else { ("tag:Vss", "on") };
                let input = json!({
                    "Name": "AWS-ConfigureAWSPackage", "AssociationName": name,
                    "Parameters": { "action": ["Install"], "name": ["AwsVssComponents"] },
                    "Targets": [{ "Key": key, "Values": [value] }], "ScheduleExpression": "rate(7 days)",
                    "Tags": tag_list(&tags),
                });
                call(sandbox, "ssm", "CreateAssociation", input);
            }
        }
    }
}

/// Spoils what the stack has, as people do: half of a thing, a second one, tags gone, fields changed.
pub(crate) fn meddle(sandbox: &Sandbox, random: &mut Random) {
    let things = things(sandbox);
    let ours: Vec<(&String, &Value)> = things.iter().filter(|(key, thing)| is_ours(key, thing)).collect();
    if ours.is_empty() {
        return;
    }
    for _ in 0..=random.below(3) {
        let (key, thing) = random.pick(&ours);
        let (kind, id) = key.split_once(' ').unwrap_or_default();
        let name = thing["name"].as_str().unwrap_or_default();
        match (kind, random.below(4)) {
            ("role", 0) => {
                call(sandbox, "iam", "UntagRole", json!({ "RoleName": name, "TagKeys": ["vssctl:stack"] }));
            }
            ("role", 1) => {
                let input = json!({ "RoleName": name, "TagKeys": ["vssctl:id", "vssctl:keys"] });
                call(sandbox, "iam", "UntagRole", input);
            }
            ("role", 2) => {
                let input =
                    json!({ "RoleName": name, "PolicyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" });
                let operation = if random.one_in(2) { "AttachRolePolicy" } else { "DetachRolePolicy" };
                call(sandbox, "iam", operation, input);
            }
            ("role", _) => {
                call(sandbox, "iam", "UpdateRole", json!({ "RoleName": name, "Description": "meddled" }));
            }
            ("profile", _) => {
                let role = thing["role"].as_str().unwrap_or_default();
                let input = json!({ "InstanceProfileName": name, "RoleName": role });
                call(sandbox, "iam", "RemoveRoleFromInstanceProfile", input.clone());
                if random.one_in(2) {
                    call(sandbox, "iam", "DeleteInstanceProfile", json!({ "InstanceProfileName": name }));
                }
            }
            ("vault" | "plan", 0) => {
                let keys =
                    if random.one_in(2) { vec!["vssctl:id"] } else { vec!["vssctl:id", "vssctl:stack", "vssctl:keys"] };
                call(sandbox, "backup", "UntagResource", json!({ "ResourceArn": thing["arn"], "TagKeyList": keys }));
            }
            ("vault", 1) => {
                call(sandbox, "backup", "DeleteBackupVault", json!({ "BackupVaultName": name }));
            }
            ("plan", 1) => {
                // A second one with the same marks, as a lost answer without a token leaves it.
                let document = thing["versions"].as_array().and_then(|versions| versions.last()).cloned();
                let mut plan = document.unwrap_or_default()["document"].clone();
                plan["Rules"][0]["StartWindowMinutes"] = json!(61 + random.below(5));
                let input = json!({ "BackupPlan": plan, "BackupPlanTags": thing["tags"] });
                call(sandbox, "backup", "CreateBackupPlan", input);
            }
            ("selection", _) => {
                let (plan, selection) = id.split_once(' ').unwrap_or_default();
                let input = json!({ "BackupPlanId": plan, "SelectionId": selection });
                call(sandbox, "backup", "DeleteBackupSelection", input);
            }
            ("association", 0) => {
                let definition = thing["versions"].as_array().and_then(|versions| versions.last()).cloned();
                let mut input = definition.unwrap_or_default()["definition"].clone();
                input["Tags"] = thing["tags"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| json!({ "Key": key, "Value": value }))
                    .collect();
                call(sandbox, "ssm", "CreateAssociation", input);
            }
            ("association", 1) => {
                call(sandbox, "ssm", "DeleteAssociation", json!({ "AssociationId": id }));
            }
            _ => {}
        }
    }
}

/// What somebody does to the account in the middle of an apply.
const MEDDLINGS: [&str; 3] = ["spoilt", "role made again", "vault made again"];

pub(crate) fn meddlings() -> impl Iterator<Item = String> {
    MEDDLINGS.into_iter().map(str::to_owned)
}

/// Changes the account in the middle of an apply: spoils what the stack has, or deletes a role or a vault and makes
/// another one of its name, without marks. Returns the name of such a role or vault.
pub(crate) fn meddle_during(sandbox: &Sandbox, random: &mut Random) -> Option<String> {
    let what = *random.pick(&MEDDLINGS);
    let own = |kind: &str| -> Vec<String> {
        let things = things(sandbox);
        let ours = things.iter().filter(|(key, thing)| key.starts_with(kind) && is_ours(key, thing));
        ours.filter_map(|(_, thing)| thing["name"].as_str().map(str::to_owned)).collect()
    };
    let mut remade = None;
    match what {
        "role made again" => {
            let names = own("role ");
            if names.is_empty() {
                return None;
            }
            let name: &String = random.pick(&names);
            make_role_again(sandbox, name);
            remade = Some(name.clone());
        }
        "vault made again" => {
            let names = own("vault ");
            if names.is_empty() {
                return None;
            }
            let name: &String = random.pick(&names);
            let input = json!({ "BackupVaultName": name });
            call(sandbox, "backup", "DeleteBackupVault", &input);
            call(sandbox, "backup", "CreateBackupVault", &input);
            remade = Some(name.clone());
        }
        _ => meddle(sandbox, random),
    }
    super::world::coverage::note("meddlings", [what]);
    // A role or a vault that stands in the way of its end is still the stack's.
    remade.filter(|name| !own("role ").contains(name) && !own("vault ").contains(name))
}

fn make_role_again(sandbox: &Sandbox, name: &str) {
    let role = json!({ "RoleName": name });
    let listed = |operation: &str, list: &str| {
        call(sandbox, "iam", operation, &role)[list].as_array().cloned().unwrap_or_default()
    };
    for profile in listed("ListInstanceProfilesForRole", "InstanceProfiles") {
        let input = json!({ "InstanceProfileName": profile["InstanceProfileName"], "RoleName": name });
        call(sandbox, "iam", "RemoveRoleFromInstanceProfile", input);
    }
    for policy in listed("ListAttachedRolePolicies", "AttachedPolicies") {
        let input = json!({ "RoleName": name, "PolicyArn": policy["PolicyArn"] });
        call(sandbox, "iam", "DetachRolePolicy", input);
    }
    for policy in listed("ListRolePolicies", "PolicyNames") {
        call(sandbox, "iam", "DeleteRolePolicy", json!({ "RoleName": name, "PolicyName": policy }));
    }
    call(sandbox, "iam", "DeleteRole", &role);
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    call(sandbox, "iam", "CreateRole", json!({ "RoleName": name, "AssumeRolePolicyDocument": trust }));
}

/// The newest document of a plan.
fn document_of(plan: &Value) -> &Value {
    plan["versions"].as_array().and_then(|versions| versions.last()).map_or(&Value::Null, |newest| &newest["document"])
}

/// Counts what protects: the plans of each address, and the selections of each plan and name.
fn protecting(sandbox: &Sandbox, names: &BTreeMap<String, String>) -> BTreeMap<String, usize> {
    let things = things(sandbox);
    let mut counted = BTreeMap::new();
    for (key, thing) in &things {
        // A plan without tags is the stack's by its token, and whose it is then its name says.
        let address = |plan: &str| {
            let plan = things.get(&format!("plan {plan}"))?;
            let token = plan["creator_request_id"].as_str().filter(|token| token.starts_with("v1."));
            let name = document_of(plan)["BackupPlanName"].as_str();
            let by_name = || token.and(name).and_then(|name| names.get(name)).map(String::as_str);
            plan["tags"]["vssctl:id"].as_str().or_else(by_name)
        };
        let name = match key.split(' ').collect::<Vec<_>>().as_slice() {
            ["plan", id] => address(id).map(str::to_owned),
            ["selection", plan, _] => {
                let name = thing["document"]["SelectionName"].as_str().unwrap_or_default();
                address(plan).map(|plan| format!("{plan} {name}"))
            }
            _ => None,
        };
        *counted.entry(name.unwrap_or_default()).or_default() += 1;
    }
    counted
}

/// Makes what looks after each write whether something that the file wants lost its last plan or selection.
pub(crate) fn watch(sandbox: &Sandbox, config: &Config) -> Look {
    let wanted: Vec<String> = config
        .desired
        .iter()
        .filter_map(|desired| match desired.address.kind() {
            KindId::Plan => Some(desired.address.to_string()),
            KindId::Selection => Some(format!("plan.{} {}", desired.address.parent_key()?, desired.name)),
            _ => None,
        })
        .collect();
    let plans = config.desired.iter().filter(|desired| desired.address.kind() == KindId::Plan);
    let names: BTreeMap<String, String> = plans.map(|plan| (plan.name.clone(), plan.address.to_string())).collect();
    let sandbox = sandbox.clone();
    let mut before = protecting(&sandbox, &names);
    Box::new(move |by_others| {
        let now = protecting(&sandbox, &names);
        let has_gone = |name: &&String| before.contains_key(*name) && !now.contains_key(*name) && !by_others;
        let gone = wanted.iter().filter(has_gone);
        let gone = gone.map(|name| format!("`{name}` was there, is wanted, and nothing of it is left")).collect();
        before = now;
        gone
    })
}
