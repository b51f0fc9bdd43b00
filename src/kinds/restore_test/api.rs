//! What AWS says about restore testing plans, and how it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_backup::types::{
    RestoreTestingPlanForGet, RestoreTestingPlanForList, RestoreTestingRecoveryPointSelection,
    RestoreTestingSelectionForGet,
};
use aws_smithy_types::date_time::Format;
use futures_util::future::{join_all, try_join_all};
use serde_json::{Map, Value, json};

use super::{RestoreTestCarried, shape};
use crate::aws::{Answered, AwsError, Completing, Reader, Tags, TagsByArn, Writer};
use crate::kind::{Carried, Desired, Found, KindLive, Live, Look, Owner};
use crate::kinds::expect::{Expected, gone};
use crate::kinds::identity::{backup_owner, entries, unknown};
use crate::kinds::input::{Input, incomplete, part, unusable, whole};
use crate::kinds::live_form::ids;
use crate::kinds::vault::api::{perform_tags, tags_of};
use crate::model::{KindId, Operation, PlannedCall};

/// What the ARN of a restore testing plan has after the account.
const RESOURCE: &str = ":restore-testing-plan:";

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::RestoreTest).collect();
    let mut live = KindLive::default();
    let failed = |error: AwsError| KindLive {
        found: mine.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect(),
        unreadable: vec![error],
        ..KindLive::default()
    };
    let index = match reader.tagged().await {
        Ok(index) => index,
        Err(error) => return failed(error),
    };
    // Not every region has restore testing, and a file without a test asks for no permission to list them: then only
    // what the index shows is the stack's.
    if mine.is_empty() && !index.keys().any(|arn| arn.contains(RESOURCE)) {
        return live;
    }
    let plans = match reader.list_restore_testing_plans().await {
        Ok(plans) => plans,
        Err(error) => return failed(error),
    };
    let by_name: BTreeMap<&str, &RestoreTestingPlanForList> =
        plans.iter().map(|plan| (plan.restore_testing_plan_name.as_str(), plan)).collect();
    let found = mine.iter().map(|entry| async {
        let found = match by_name.get(entry.name.as_str()) {
            None => Found::Absent,
            Some(plan) => read_entry(reader, plan, &index, entry).await.unwrap_or_else(|error| unknown(&error)),
        };
        (entry.address.clone(), found)
    });
    live.found = join_all(found).await.into_iter().collect();
    let others = by_name.iter().filter(|(name, _)| mine.iter().all(|entry| entry.name != **name));
    for orphan in join_all(others.map(|(_, plan)| orphan(reader, plan, &index))).await {
        match orphan {
            Ok(orphan) => live.orphans.extend(orphan),
            Err(error) => live.unreadable.push(error),
        }
    }
    live
}

async fn read_entry(
    reader: &Reader,
    plan: &RestoreTestingPlanForList,
    index: &TagsByArn,
    entry: &Desired,
) -> Result<Found, AwsError> {
    let arn = &plan.restore_testing_plan_arn;
    let (tags, live) = tokio::try_join!(tags_of(reader, arn, index, entry), read_whole(reader, plan))?;
    Ok(Found::Live(Box::new(normal_form(reader, &live, &tags))))
}

/// Reads a plan that no entry names, if it is the stack's. The list has no tokens: what the index does not show is
/// asked for its tags.
async fn orphan(
    reader: &Reader,
    plan: &RestoreTestingPlanForList,
    index: &TagsByArn,
) -> Result<Option<Live>, AwsError> {
    let arn = &plan.restore_testing_plan_arn;
    let tags = match index.get(arn) {
        Some(tags) => tags.clone(),
        None => Tags::clone(&*reader.backup_tags(arn).await?),
    };
    if !matches!(backup_owner(reader.scope(), 't', &tags, None), Owner::Ours(_)) {
        return Ok(None);
    }
    let live = read_whole(reader, plan).await?;
    Ok(Some(normal_form(reader, &live, &tags)))
}

/// A plan and its selections by name.
type Whole = (Arc<Answered<RestoreTestingPlanForGet>>, Selections);

/// The selections of a plan by name.
type Selections = BTreeMap<String, Arc<Answered<RestoreTestingSelectionForGet>>>;

async fn read_whole(reader: &Reader, plan: &RestoreTestingPlanForList) -> Result<Whole, AwsError> {
    let name = plan.restore_testing_plan_name.as_str();
    let selections = async {
        let list = reader.list_restore_testing_selections(name).await?;
        let each = list.iter().map(|listed| async {
            let selection = reader.restore_testing_selection(name, &listed.restore_testing_selection_name).await?;
            Ok((listed.restore_testing_selection_name.clone(), selection))
        });
        try_join_all(each).await.map(|selections| selections.into_iter().collect())
    };
    tokio::try_join!(reader.restore_testing_plan(name), selections)
}

fn normal_form(reader: &Reader, (plan, selections): &Whole, tags: &Tags) -> Live {
    let carried = RestoreTestCarried {
        plan: shape::unmodelled_of_plan(plan),
        selections: selections.iter().map(|(name, one)| (name.clone(), shape::unmodelled_of_selection(one))).collect(),
    };
    let selections: Map<String, Value> =
        selections.iter().map(|(name, one)| (name.clone(), shape::selection_record(one))).collect();
    let roles = selections.values().filter_map(|selection| selection["role"].as_str()?.rsplit('/').next());
    let roles = roles.map(|role| (KindId::Role, role.to_owned()));
    let vaults =
        plan.recovery_point_selection().map(RestoreTestingRecoveryPointSelection::include_vaults).unwrap_or_default();
    let vaults = vaults.iter().filter_map(|arn| Some((KindId::Vault, arn.rsplit_once(":backup-vault:")?.1.to_owned())));
    let mut refers: Vec<(KindId, String)> = roles.chain(vaults).collect();
    refers.sort();
    refers.dedup();
    Live {
        name: plan.restore_testing_plan_name.clone(),
        owner: backup_owner(reader.scope(), 't', tags, plan.creator_request_id()),
        ids: ids([
            ("Arn", Some(plan.restore_testing_plan_arn.as_str())),
            ("CreationTime", plan.creation_time.fmt(Format::DateTime).ok().as_deref()),
            ("CreatorRequestId", plan.creator_request_id()),
        ]),
        fields: shape::plan_fields(plan).value("selection", selections).tags(tags).fields(),
        carried: Carried::new(carried),
        refers,
    }
}

/// Looks whether what a creating call asks for is there: its name was taken, perhaps by an earlier try of ours.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    let own = part(call, |input| input.text("CreatorRequestId"))?;
    let found = match call.operation {
        Operation::CreateRestoreTestingPlan => {
            let read = reader.restore_testing_plan(&name_in(call, PLAN)?).await;
            read.map(|plan| (plan.creator_request_id.clone(), json!({ "Arn": plan.restore_testing_plan_arn })))
        }
        Operation::CreateRestoreTestingSelection => {
            let plan = part(call, |input| input.required("RestoreTestingPlanName", Input::text))?;
            let name = name_in(call, SELECTION)?;
            let read = reader.restore_testing_selection(&plan, &name).await;
            read.map(|selection| (selection.creator_request_id.clone(), json!({})))
        }
        _ => return Ok(Look::Unclear),
    };
    match found {
        Ok((token, answer)) if token.is_some() && token == own => Ok(Look::Stands(answer)),
        Ok(_) => Ok(Look::Differs),
        Err(error) if error.is_not_found() => Ok(Look::Absent),
        Err(error) => Err(error),
    }
}

/// The structures of a plan and of a selection.
const PLAN: &str = "RestoreTestingPlan";
const SELECTION: &str = "RestoreTestingSelection";

/// What a call that sends a whole structure has of members without a name in the SDK's types.
fn complete(call: &PlannedCall, structure: &str) -> Completing {
    Completing::new(json!({ structure: call.input[structure] }))
}

/// Reads the name in the structure of a creating call, which has the name of the structure.
fn name_in(call: &PlannedCall, structure: &str) -> Result<String, AwsError> {
    let name = |body: &Input<'_>| body.required(&format!("{structure}Name"), Input::text);
    part(call, |input| input.required(structure, |input, member| input.built(member, name)))
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (backup, operation) = (writer.backup(), call.operation);
    let plan = |input: &Input<'_>| input.required("RestoreTestingPlanName", Input::text);
    match operation {
        Operation::CreateRestoreTestingPlan => {
            let request = whole(call, |input| {
                Ok(backup
                    .create_restore_testing_plan()
                    .set_creator_request_id(input.text("CreatorRequestId")?)
                    .restore_testing_plan(
                        input.required(PLAN, |input, name| input.carried(name, shape::plan_for_create))?,
                    )
                    .set_tags(input.map("Tags")?)
                    .customize()
                    .interceptor(complete(call, PLAN)))
            })?;
            let arn = writer.send(operation, request.send()).await?.restore_testing_plan_arn;
            if arn.is_empty() {
                return Err(incomplete(call, "RestoreTestingPlanArn"));
            }
            return Ok(json!({ "Arn": arn }));
        }
        Operation::UpdateRestoreTestingPlan => {
            let request = whole(call, |input| {
                let body = input.required(PLAN, |input, name| input.carried(name, shape::plan_for_update))?;
                let request = backup.update_restore_testing_plan().restore_testing_plan_name(plan(input)?);
                Ok(request.restore_testing_plan(body).customize().interceptor(complete(call, PLAN)))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeleteRestoreTestingPlan => {
            let request =
                whole(call, |input| Ok(backup.delete_restore_testing_plan().restore_testing_plan_name(plan(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::CreateRestoreTestingSelection => {
            let request = whole(call, |input| {
                Ok(backup
                    .create_restore_testing_selection()
                    .set_creator_request_id(input.text("CreatorRequestId")?)
                    .restore_testing_plan_name(plan(input)?)
                    .restore_testing_selection(
                        input.required(SELECTION, |input, name| input.carried(name, shape::selection_for_create))?,
                    )
                    .customize()
                    .interceptor(complete(call, SELECTION)))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::UpdateRestoreTestingSelection => {
            update_selection(writer, call).await?;
        }
        Operation::DeleteRestoreTestingSelection => {
            let request = whole(call, |input| {
                Ok(backup
                    .delete_restore_testing_selection()
                    .restore_testing_plan_name(plan(input)?)
                    .restore_testing_selection_name(input.required("RestoreTestingSelectionName", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::GetRestoreTestingPlan => {
            let (plan, expected) = whole(call, |input| Ok((plan(input)?, Expected::unmarked(input, &["Arn"])?)))?;
            return match writer.reader().restore_testing_plan(&plan).await {
                Ok(found) => expected.check(&[Some(found.restore_testing_plan_arn.as_str())], None),
                Err(error) if error.is_not_found() => Ok(gone()),
                Err(error) => Err(error),
            };
        }
        Operation::TagResource | Operation::UntagResource | Operation::ListTags => {
            return perform_tags(writer, call).await;
        }
        _ => return Err(unusable(call, "no restore testing plan needs it")),
    }
    Ok(json!({}))
}

/// Changes a selection. Overrides that the file does not declare stay as they are: no plan may carry them, so that they
/// are read right before they are sent again.
async fn update_selection(writer: &Writer, call: &PlannedCall) -> Result<(), AwsError> {
    let (plan, name, mut body) = whole(call, |input| {
        let text = |name: &str| input.required(name, Input::text);
        let body = input.required(SELECTION, |input, name| input.carried(name, shape::selection_for_update))?;
        Ok((text("RestoreTestingPlanName")?, text("RestoreTestingSelectionName")?, body))
    })?;
    if body.restore_metadata_overrides.is_none() {
        let live = writer.reader().restore_testing_selection(&plan, &name).await?;
        body.restore_metadata_overrides.clone_from(&live.restore_metadata_overrides);
    }
    let request = writer
        .backup()
        .update_restore_testing_selection()
        .restore_testing_plan_name(plan)
        .restore_testing_selection_name(name)
        .restore_testing_selection(body)
        .customize()
        .interceptor(complete(call, SELECTION));
    writer.send(call.operation, request.send()).await.map(drop)
}
