//! Reads what others have in the account beside the stack, where a plan changes something that it could have to do
//! with: backup plans that may back the same instances up, and associations that may install the same package. A plan
//! that changes nothing of the sort costs no call. What can't be read is no obstacle: the plan says that it does not
//! know.

mod associations;

use futures_util::future::join_all;
use serde_json::Value;

use super::known::unread;
use super::live::LiveAccount;
use super::plans;
use crate::aws::{AwsError, Instance, Reader};
use crate::model::{Action, KindId};
use crate::plan::{Change, Plan};
use crate::vss::others::Others;
use crate::vss::together::Specimen;

/// Reads what a plan has to know of others, and tells whether there was anything to read.
pub(super) async fn read(reader: &Reader, plan: &Plan, live: &mut LiveAccount) -> bool {
    let backs_up = plan.changes.iter().any(changes_backups);
    let installs = plan.changes.iter().any(changes_packages);
    if !backs_up && !installs {
        return false;
    }
    let mut others = Others::default();
    if backs_up {
        backups(reader, &mut others).await;
    }
    if installs {
        associations::read(reader, &mut others).await;
    }
    let is_new = |change: &&Change| change.address.kind() == KindId::Plan && change.action == Action::Create;
    let plans = others.plans.len() + plan.changes.iter().filter(is_new).count();
    // One plan shares its instances with nobody, but it may name one that is not there.
    if plans > 1 || !others.associations.is_empty() || plan.changes.iter().any(names_instances) {
        instances(reader, &mut others).await;
    }
    live.others = others;
    true
}

/// Tells whether a change is one of what is installed, or where.
fn changes_packages(change: &Change) -> bool {
    let is_made = matches!(change.action, Action::Create | Action::Replace);
    let is_changed = matches!(change.action, Action::Update | Action::Adopt);
    let counts = ["package_name", "action", "version", "targets"];
    change.address.kind() == KindId::Package
        && (is_made
            || is_changed && change.fields.iter().any(|field| counts.iter().any(|it| field.path.starts_with(it))))
}

/// Tells whether a change brings in instances by their ids.
fn names_instances(change: &Change) -> bool {
    let field = match change.address.kind() {
        KindId::Selection => "arns",
        KindId::Package => "targets",
        KindId::Policy
        | KindId::Role
        | KindId::InstanceProfile
        | KindId::Attachment
        | KindId::Vault
        | KindId::Plan
        | KindId::RestoreTest
        | KindId::RegionSettings => return false,
    };
    let brings = matches!(change.action, Action::Create | Action::Replace | Action::Update | Action::Adopt);
    brings && change.fields.iter().any(|it| it.path.starts_with(field) && names_one(&it.after))
}

/// Tells whether a value has the id of an instance in it, as it is or at the end of an ARN.
fn names_one(value: &Value) -> bool {
    match value {
        Value::String(text) => text.rsplit('/').next().is_some_and(|id| id.starts_with("i-")),
        Value::Array(items) => items.iter().any(names_one),
        Value::Object(members) => members.values().any(names_one),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Tells whether a change is one of what is backed up, or when.
fn changes_backups(change: &Change) -> bool {
    let is_made = matches!(change.action, Action::Create | Action::Replace);
    let is_changed = matches!(change.action, Action::Update | Action::Adopt);
    match change.address.kind() {
        KindId::Selection => is_made,
        KindId::Plan => is_made || is_changed && change.fields.iter().any(|field| field.path.starts_with("rule")),
        KindId::Policy
        | KindId::Role
        | KindId::InstanceProfile
        | KindId::Attachment
        | KindId::Package
        | KindId::Vault
        | KindId::RestoreTest
        | KindId::RegionSettings => false,
    }
}

/// Reads the backup plans with their selections.
async fn backups(reader: &Reader, others: &mut Others) {
    let read = plans::each(reader).await.unwrap_or_else(|error| vec![Err(error)]);
    let read = join_all(read.into_iter().map(|plan| async {
        let plan = plan?;
        let owner = plans::read_owner(reader, &plan).await;
        Ok::<_, AwsError>((plan, owner))
    }));
    for plan in read.await {
        match plan {
            Ok((mut plan, owner)) => {
                others.unread.extend(plan.selections.unread().cloned());
                match owner {
                    Ok(owner) => plan.owner = owner,
                    Err(error) => others.unread.push(unread(&error)),
                }
                others.plans.push(plan);
            }
            Err(error) => others.unread.push(unread(&error)),
        }
    }
}

async fn instances(reader: &Reader, others: &mut Others) {
    match reader.instances().await {
        Ok(instances) => {
            others.instances = Some(instances.iter().filter(|it| is_there(it)).map(specimen(reader)).collect());
        }
        Err(error) => others.unread.push(unread(&error)),
    }
}

fn is_there(instance: &Instance) -> bool {
    !matches!(instance.state.as_str(), "terminated" | "shutting-down")
}

fn specimen(reader: &Reader) -> impl Fn(&Instance) -> Specimen {
    |instance| {
        let id = format!("`{}`", instance.id);
        let title = match instance.tags.get("Name").filter(|name| !name.is_empty()) {
            Some(name) => format!("{name} ({id})"),
            None => id,
        };
        let arn = reader.scope().arn("ec2", &format!("instance/{}", instance.id));
        Specimen { arn, tags: instance.tags.clone(), title: Some(title) }
    }
}
