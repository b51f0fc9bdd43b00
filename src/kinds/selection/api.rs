//! What AWS says about selections, and how it is told.

use super::carried::SelectionCarried;
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use std::sync::Arc;

use aws_sdk_backup::operation::create_backup_selection::{CreateBackupSelectionError, CreateBackupSelectionOutput};
use aws_sdk_backup::types::{BackupSelection, BackupSelectionsListMember, ConditionParameter};
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::shape::{self, selection_from_json};
use super::{FIELDS, TAG_PREFIX};
use crate::aws::{Answered, AwsError, Completing, Reader, Writer};
use crate::kind::{Desired, Found, KindLive, Live, Look, Owner};
use crate::kind::{diff, marks};
use crate::kinds::identity::{entries, unknown};
use crate::kinds::input::{Input, incomplete, part, unusable, whole};
use crate::kinds::live_form::{LiveForm, ids};
use crate::kinds::plan::api::{Identity, Known, resolve};
use crate::kinds::token as tokens;
use crate::kinds::vault::api::perform_tags;
use crate::model::Address;
use crate::model::PlannedCall;

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::Selection).collect();
    let resolved = match resolve(reader, desired).await {
        Ok(resolved) => resolved,
        Err(error) => {
            let found = mine.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            return KindLive { found, unreadable: vec![error], ..KindLive::default() };
        }
    };
    let mut parts = join_all(resolved.entries.iter().map(|(plan, identity)| {
        let children: Vec<&Desired> =
            mine.iter().copied().filter(|entry| entry.address.parent_key() == Some(plan.key())).collect();
        async move {
            match identity {
                Identity::One(known) => {
                    let adopts = desired.iter().any(|entry| entry.address == *plan && entry.adopt);
                    in_plan(reader, known, adopts, &children).await
                }
                Identity::Absent => all(&children, &Found::Absent),
                Identity::Unknown(error) => all(&children, &unknown(error)),
                Identity::Ambiguous(ids) => all(&children, &ambiguous(plan, ids)),
            }
        }
    }))
    .await;
    let surplus = resolved.surplus.iter().map(|(plan, known)| (Some(plan), known));
    let leftover = surplus.chain(resolved.orphans.iter().map(|known| (None, known)));
    parts.extend(join_all(leftover.map(|(plan, known)| in_leftover(reader, plan, known, &mine))).await);
    let mut live = KindLive::default();
    for part in parts {
        live.found.extend(part.found);
        live.orphans.extend(part.orphans);
        live.surplus.extend(part.surplus);
        live.unreadable.extend(part.unreadable);
    }
    // A selection whose plan is not in the file can't be there.
    for entry in mine {
        live.found.entry(entry.address.clone()).or_insert(Found::Absent);
    }
    live
}

fn all(children: &[&Desired], found: &Found) -> KindLive {
    KindLive {
        found: children.iter().map(|entry| (entry.address.clone(), found.clone())).collect(),
        ..KindLive::default()
    }
}

fn ambiguous(plan: &Address, ids: &[String]) -> Found {
    Found::Unknown {
        action: "backup:ListBackupPlans".to_owned(),
        message: format!("several plans could be `{plan}`: {}", ids.join(", ")),
    }
}

/// Sorts the selections of one plan of the file. `adopts` says that the file takes the plan over.
async fn in_plan(reader: &Reader, plan: &Known, adopts: bool, children: &[&Desired]) -> KindLive {
    let members = match reader.list_backup_selections(&plan.id).await {
        Ok(members) => members,
        Err(error) => return KindLive { unreadable: vec![error.clone()], ..all(children, &unknown(&error)) },
    };
    let mut live = KindLive::default();
    let found = join_all(children.iter().map(|entry| one_of(reader, plan, adopts, &members, entry))).await;
    for (entry, (found, others)) in children.iter().zip(found) {
        live.found.insert(entry.address.clone(), found);
        for other in others {
            match other.owner {
                Owner::Ours(_) => live.surplus.push((entry.address.clone(), other)),
                _ if is_ours(plan) => live.orphans.push(other),
                _ => {}
            }
        }
    }
    let unclaimed = members.iter().filter(|member| {
        (is_made_by_us(reader, member) || is_ours(plan))
            && !children.iter().any(|entry| member.selection_name() == Some(entry.name.as_str()))
    });
    for orphan in join_all(unclaimed.map(|member| read_one(reader, plan, adopts, member))).await {
        match orphan {
            Ok(orphan) => live.orphans.push(orphan),
            Err(error) => live.unreadable.push(error),
        }
    }
    live
}

/// Tells whether a plan is this stack's, and with it all that is in it: a selection carries no tags of its own.
fn is_ours(plan: &Known) -> bool {
    matches!(plan.owner, Owner::Ours(_))
}

/// Sorts the selections of a plan that goes.
async fn in_leftover(reader: &Reader, address: Option<&Address>, plan: &Known, mine: &[&Desired]) -> KindLive {
    let mut live = KindLive::default();
    let members = match reader.list_backup_selections(&plan.id).await {
        Ok(members) => members,
        Err(error) => return KindLive { unreadable: vec![error], ..live },
    };
    for selection in join_all(members.iter().map(|member| read_one(reader, plan, false, member))).await {
        let selection = match selection {
            Ok(selection) => selection,
            Err(error) => {
                live.unreadable.push(error);
                continue;
            }
        };
        let claimed = address.and_then(|plan| {
            mine.iter().find(|entry| entry.address.parent_key() == Some(plan.key()) && entry.name == selection.name)
        });
        match claimed {
            Some(entry) if matches!(selection.owner, Owner::Ours(_)) => {
                live.surplus.push((entry.address.clone(), selection));
            }
            Some(_) | None => live.orphans.push(selection),
        }
    }
    live
}

fn is_made_by_us(reader: &Reader, member: &BackupSelectionsListMember) -> bool {
    member.creator_request_id().is_some_and(|id| marks::is_creator(reader.scope(), 's', id))
}

/// Finds the selection that an entry means, and the others of its name.
async fn one_of(
    reader: &Reader,
    plan: &Known,
    adopts: bool,
    members: &Arc<Vec<BackupSelectionsListMember>>,
    entry: &Desired,
) -> (Found, Vec<Live>) {
    let mut named: Vec<&BackupSelectionsListMember> =
        members.iter().filter(|member| member.selection_name() == Some(entry.name.as_str())).collect();
    named.sort_by_key(|member| {
        (
            !is_made_by_us(reader, member),
            member.creation_date().map(aws_smithy_types::DateTime::as_nanos),
            member.selection_id(),
        )
    });
    let mut read = Vec::new();
    for selection in join_all(named.into_iter().map(|member| read_one(reader, plan, adopts, member))).await {
        match selection {
            Ok(selection) => read.push(selection),
            Err(error) => return (unknown(&error), Vec::new()),
        }
    }
    if read.is_empty() {
        return (Found::Absent, Vec::new());
    }
    // After an interrupted replacement both stand: the one that is as the file says is the new one.
    let nothing = std::collections::BTreeMap::new();
    let fits = |live: &Live| diff::diff(FIELDS, &entry.fields, &live.fields, &nothing).is_empty();
    let chosen = read.iter().position(fits).unwrap_or(0);
    let live = read.remove(chosen);
    (Found::Live(Box::new(live)), read)
}

async fn read_one(
    reader: &Reader,
    plan: &Known,
    adopts: bool,
    member: &BackupSelectionsListMember,
) -> Result<Live, AwsError> {
    let id = member.selection_id().unwrap_or_default();
    let selection = reader.backup_selection(&plan.id, id).await?;
    let owner = match &plan.owner {
        _ if is_made_by_us(reader, member) => Owner::Ours(None),
        Owner::Ours(_) => Owner::Parent,
        // What is in a plan is taken over with it.
        Owner::Nobody if adopts => Owner::Parent,
        owner => owner.clone(),
    };
    Ok(normal_form(plan, member, &selection, owner))
}

fn normal_form(
    plan: &Known,
    member: &BackupSelectionsListMember,
    selection: &Answered<BackupSelection>,
    owner: Owner,
) -> Live {
    let any = selection.list_of_tags().iter().map(|tag| format!("{}={}", tag.condition_key, tag.condition_value));
    let mut form = LiveForm::default();
    form.text("role", Some(&selection.iam_role_arn))
        .set("arns", selection.resources().iter().cloned())
        .set("not_arns", selection.not_resources().iter().cloned())
        .set("any", any);
    if let Some(conditions) = selection.conditions() {
        form.set("all", pairs(conditions.string_equals()))
            .set("like", pairs(conditions.string_like()))
            .set("not_equals", pairs(conditions.string_not_equals()))
            .set("not_like", pairs(conditions.string_not_like()));
    }
    let role = selection.iam_role_arn.rsplit('/').next().unwrap_or_default();
    Live {
        name: selection.selection_name.clone(),
        owner,
        ids: ids([
            ("SelectionId", member.selection_id()),
            ("BackupPlanId", Some(plan.id.as_str())),
            ("CreatorRequestId", member.creator_request_id()),
        ]),
        fields: form.fields(),
        carried: Carried::new(SelectionCarried {
            backup_plan_name: plan.name.clone(),
            unmodelled: shape::unmodelled(selection),
        }),
        refers: vec![(KindId::Plan, plan.name.clone()), (KindId::Role, role.to_owned())],
    }
}

fn pairs(parameters: &[ConditionParameter]) -> impl Iterator<Item = String> + '_ {
    parameters.iter().map(|parameter| {
        let key = parameter.condition_key().unwrap_or_default();
        let key = key.strip_prefix(TAG_PREFIX).unwrap_or(key);
        format!("{key}={}", parameter.condition_value().unwrap_or_default())
    })
}

/// Looks whether a selection is gone: AWS's error does not say that it is.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    if call.operation != Operation::DeleteBackupSelection {
        return Ok(Look::Unclear);
    }
    let text = |name: &str| part(call, |input| input.required(name, Input::text));
    let (plan, id) = (text("BackupPlanId")?, text("SelectionId")?);
    match reader.list_backup_selections(&plan).await {
        Ok(members) if members.iter().any(|member| member.selection_id() == Some(id.as_str())) => Ok(Look::Differs),
        Ok(_) => Ok(Look::Stands(json!({}))),
        Err(error) if error.is_not_found() => Ok(Look::Stands(json!({}))),
        Err(error) => Err(error),
    }
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (backup, operation) = (writer.backup(), call.operation);
    match operation {
        Operation::CreateBackupSelection => create(writer, call).await,
        Operation::DeleteBackupSelection => {
            let request = whole(call, |input| {
                Ok(backup
                    .delete_backup_selection()
                    .backup_plan_id(input.required("BackupPlanId", Input::text)?)
                    .selection_id(input.required("SelectionId", Input::text)?))
            })?;
            let plan = part(call, |input| input.required("BackupPlanId", Input::text))?;
            writer.forget_selections(&plan);
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        Operation::ListTags => perform_tags(writer, call).await,
        _ => Err(unusable(call, "no selection needs it")),
    }
}

/// Makes a selection. The token hashes the content: content that comes back brings the token of a selection that is
/// gone, which AWS may take for the answer. AWS may also take one selection of a name only: ours then goes first.
async fn create(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (plan, selection, first) = whole(call, |input| {
        let selection = input.required("BackupSelection", |input, name| input.carried(name, selection_from_json))?;
        Ok((input.required("BackupPlanId", Input::text)?, selection, input.text("CreatorRequestId")?))
    })?;
    let (mut generation, mut has_room) = (0, false);
    loop {
        let token = tokens::of_generation(first.as_deref(), generation);
        let before = writer.date();
        let request = writer
            .backup()
            .create_backup_selection()
            .backup_plan_id(&plan)
            .backup_selection(selection.clone())
            .set_creator_request_id(token.clone())
            .customize()
            .interceptor(Completing::new(json!({ "BackupSelection": call.input["BackupSelection"] })));
        // Our own token says that an earlier, unanswered call made it; its ARN ends with the id.
        let made_before = |error: &CreateBackupSelectionError| match error {
            CreateBackupSelectionError::AlreadyExistsException(error) if error.creator_request_id == token => {
                let id = error.arn.as_deref().and_then(|arn| arn.rsplit([':', '/']).next()).map(str::to_owned);
                Some(CreateBackupSelectionOutput::builder().set_selection_id(id).build())
            }
            _ => None,
        };
        let answer = match writer.send_unless(call.operation, request.send(), made_before).await {
            Ok(answer) => answer,
            Err(error) if error.is_already_there() && !has_room => {
                if !make_room(writer, &plan, &selection.selection_name).await? {
                    return Err(error);
                }
                has_room = true;
                continue;
            }
            Err(error) => {
                writer.forget_selections(&plan);
                return Err(error);
            }
        };
        let id = answer.selection_id.ok_or_else(|| incomplete(call, "SelectionId"))?;
        let made = json!({ "SelectionId": id, "BackupPlanId": answer.backup_plan_id });
        let created = answer.creation_date.and_then(|date| date.to_millis().ok());
        if tokens::is_new(created, before) {
            let member = BackupSelectionsListMember::builder()
                .selection_id(&id)
                .selection_name(&selection.selection_name)
                .backup_plan_id(&plan)
                .set_creator_request_id(token)
                .iam_role_arn(&selection.iam_role_arn)
                .set_creation_date(answer.creation_date)
                .build();
            writer.made_selection(&plan, member, &call.input["BackupSelection"]);
        } else {
            writer.forget_selections(&plan);
        }
        if !tokens::must_be_visible(created, writer.date()) || generation >= tokens::GENERATIONS {
            return Ok(made);
        }
        let members = writer.reader().list_backup_selections(&plan).await?;
        if members.iter().any(|member| member.selection_id() == Some(id.as_str())) {
            return Ok(made);
        }
        generation += 1;
    }
}

/// Deletes our own selections of a name; tells whether there were any.
async fn make_room(writer: &Writer, plan: &str, name: &str) -> Result<bool, AwsError> {
    let reader = writer.reader();
    let members = reader.list_backup_selections(plan).await?;
    let ours = members.iter().filter(|member| member.selection_name() == Some(name) && is_made_by_us(&reader, member));
    let mut had = false;
    writer.forget_selections(plan);
    for member in ours {
        let request = writer
            .backup()
            .delete_backup_selection()
            .backup_plan_id(plan)
            .set_selection_id(member.selection_id().map(str::to_owned));
        writer.send(Operation::DeleteBackupSelection, request.send()).await?;
        had = true;
    }
    Ok(had)
}
