//! What AWS says about backup plans, and how it is told.

use super::carried::PlanCarried;
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use aws_sdk_backup::operation::create_backup_plan::{CreateBackupPlanError, CreateBackupPlanOutput};
use aws_sdk_backup::types::BackupPlansListMember;
use futures_util::future::{join_all, try_join_all};
use serde_json::{Value, json};

use super::{document, shape};
use crate::aws::{AwsError, Reader, Tags, TagsByArn, Writer};
use crate::kind::{Desired, Found, KindLive, Live, Look, Owner};
use crate::kind::{diff, marks};
use crate::kinds::expect::Expected;
use crate::kinds::identity::{backup_owner, entries, identified, is_owned_as, unknown};
use crate::kinds::input::{Input, incomplete, part, unusable, whole};
use crate::kinds::live_form::ids;
use crate::kinds::token as tokens;
use crate::kinds::vault::api::{perform_tags, tags_of};
use crate::model::PlannedCall;
use crate::model::{Address, Scope};

/// One live plan as the list knows it, with its tags and owner.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) owner: Owner,
    creator_request_id: Option<String>,
    version: Option<String>,
    /// When the list says that it was made, in nanoseconds. It may be the time of the last update.
    created: i128,
    tags: Tags,
}

impl Known {
    /// Says which plan an entry keeps of several: the least. After an interrupted replacement both stand, and the one
    /// of the entry's name is the new one. The choice must be the same in each run, whatever the run before it changed:
    /// a token never changes, and what was updated last stays the newest.
    fn precedence(&self, entry: &Desired, token: &str) -> (bool, u32, Reverse<i128>, String) {
        let generation = self.creator_request_id.as_deref().and_then(|own| tokens::generation(own, token));
        (self.name != entry.name, generation.unwrap_or(u32::MAX), Reverse(self.created), self.id.clone())
    }
}

/// Which live plan an entry means.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    /// None.
    Absent,
    /// This one.
    One(Known),
    /// Several of the name, and no mark tells them apart.
    Ambiguous(Vec<String>),
    /// It could not be found out.
    Unknown(AwsError),
}

/// The live plans, sorted by what they are to the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) entries: BTreeMap<Address, Identity>,
    pub(crate) surplus: Vec<(Address, Known)>,
    pub(crate) orphans: Vec<Known>,
}

/// The token of a plan's creating call. Another name is another plan, and AWS answers an old token with the old plan.
pub(super) fn token(scope: &Scope, entry: &Desired) -> String {
    marks::creator_request_id(scope, 'p', &entry.name, &format!("{}\n{}", entry.address, entry.name))
}

/// Finds the plan of each entry: by the mark in its tags, else by the id by which it is adopted, else by its name if
/// only one has it.
pub(crate) async fn resolve(reader: &Reader, desired: &[Desired]) -> Result<Resolved, AwsError> {
    let (plans, index) = tokio::try_join!(reader.list_backup_plans(), reader.tagged())?;
    let scope = reader.scope();
    let mut owned = Vec::new();
    for known in try_join_all(plans.iter().map(|plan| read_owner(reader, plan, &index))).await? {
        if matches!(known.owner, Owner::Ours(_)) {
            owned.push(known);
        }
    }
    owned.sort_by(|left, right| left.id.cmp(&right.id));
    let mut resolved = Resolved::default();
    let mut nameless = Vec::new();
    for entry in entries(desired, KindId::Plan) {
        let is_meant = |known: &Known| {
            is_owned_as(entry, &known.owner)
                // Our token without a mark in the tags: it names the entry as well as the mark does.
                || (known.owner == Owner::Ours(None)
                    && (known.name == entry.name
                        || known.creator_request_id.as_deref() == Some(token(scope, entry).as_str())))
        };
        let (mut meant, others): (Vec<Known>, Vec<Known>) = owned.into_iter().partition(is_meant);
        owned = others;
        if meant.is_empty() {
            nameless.push(entry);
            continue;
        }
        // After an interrupted replacement both stand: the one of the entry's name is the new one.
        let token = token(scope, entry);
        meant.sort_by_cached_key(|known| known.precedence(entry, &token));
        let known = meant.remove(0);
        resolved.surplus.extend(meant.into_iter().map(|known| (entry.address.clone(), known)));
        resolved.entries.insert(entry.address.clone(), settle_tags(reader, &index, entry, known).await);
    }
    for entry in nameless {
        let taken = |id: &str| {
            resolved.surplus.iter().any(|(_, known)| known.id == id)
                || resolved.entries.values().any(|identity| matches!(identity, Identity::One(known) if known.id == id))
        };
        let is_meant = |plan: &BackupPlansListMember| match identified(entry) {
            Some(id) => plan.backup_plan_id() == Some(id),
            None => plan.backup_plan_name() == Some(entry.name.as_str()),
        };
        let named: Vec<&BackupPlansListMember> = plans
            .iter()
            .filter(|plan| is_meant(plan))
            .filter(|plan| !taken(plan.backup_plan_id().unwrap_or_default()))
            .collect();
        let identity = match named.as_slice() {
            [] => Identity::Absent,
            [plan] => {
                owned.retain(|known| Some(known.id.as_str()) != plan.backup_plan_id());
                let known = known_as(scope, plan, Tags::new());
                settle_tags(reader, &index, entry, known).await
            }
            several => Identity::Ambiguous(
                several.iter().filter_map(|plan| plan.backup_plan_id()).map(str::to_owned).collect(),
            ),
        };
        resolved.entries.insert(entry.address.clone(), identity);
    }
    resolved.orphans = owned;
    Ok(resolved)
}

/// Reads the tags of an entry's plan at their source unless the index has them as the entry wants them.
async fn settle_tags(reader: &Reader, index: &TagsByArn, entry: &Desired, known: Known) -> Identity {
    match tags_of(reader, &known.arn, index, entry).await {
        Ok(tags) => {
            let tags = if tags.is_empty() { marks_by_token(reader.scope(), entry, &known) } else { tags };
            let owner = owner_of(reader.scope(), &known.arn, &known.name, known.creator_request_id.as_deref(), &tags);
            Identity::One(Known { owner, tags, ..known })
        }
        Err(error) => Identity::Unknown(error),
    }
}

/// Says in tags what the token of a plan without any tags says: it names the stack and the entry as well as the marks
/// do, and their absence alone is no difference.
fn marks_by_token(scope: &Scope, entry: &Desired, known: &Known) -> Tags {
    if known.creator_request_id.as_deref() == Some(token(scope, entry).as_str()) {
        marks::marks(scope, &entry.address, []).into_iter().collect()
    } else {
        Tags::new()
    }
}

async fn read_owner(reader: &Reader, plan: &BackupPlansListMember, index: &TagsByArn) -> Result<Known, AwsError> {
    let arn = plan.backup_plan_arn().unwrap_or_default();
    let made_by_us = plan.creator_request_id().is_some_and(|id| marks::is_creator(reader.scope(), 'p', id));
    let tags = match index.get(arn) {
        Some(tags) => tags.clone(),
        None if made_by_us => Tags::clone(&*reader.backup_tags(arn).await?),
        None => Tags::new(),
    };
    Ok(known_as(reader.scope(), plan, tags))
}

fn known_as(scope: &Scope, plan: &BackupPlansListMember, tags: Tags) -> Known {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let (arn, name) = (text(plan.backup_plan_arn()), text(plan.backup_plan_name()));
    Known {
        id: text(plan.backup_plan_id()),
        owner: owner_of(scope, &arn, &name, plan.creator_request_id(), &tags),
        arn,
        name,
        creator_request_id: plan.creator_request_id().map(str::to_owned),
        version: plan.version_id().map(str::to_owned),
        created: plan.creation_date().map_or(0, aws_smithy_types::DateTime::as_nanos),
        tags,
    }
}

fn owner_of(scope: &Scope, arn: &str, name: &str, creator_request_id: Option<&str>, tags: &Tags) -> Owner {
    // AWS Organizations and AWS's own services mark their plans by id and name.
    if arn.contains(":backup-plan:orgs/") || name.starts_with("aws/") {
        Owner::Aws
    } else {
        backup_owner(scope, 'p', tags, creator_request_id)
    }
}

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mut live = KindLive::default();
    let resolved = match resolve(reader, desired).await {
        Ok(resolved) => resolved,
        Err(error) => {
            live.found = entries(desired, KindId::Plan).map(|entry| (entry.address.clone(), unknown(&error))).collect();
            live.unreadable.push(error);
            return live;
        }
    };
    let found = resolved.entries.into_iter().map(|(address, identity)| async {
        let found = match identity {
            Identity::Absent => Found::Absent,
            Identity::Ambiguous(ids) => Found::Ambiguous { ids },
            Identity::Unknown(error) => unknown(&error),
            Identity::One(known) => match read_one(reader, &known).await {
                Ok(live) => Found::Live(Box::new(live)),
                Err(error) => unknown(&error),
            },
        };
        (address, found)
    });
    let (found, surplus, orphans) = tokio::join!(
        join_all(found),
        join_all(resolved.surplus.iter().map(|(_, known)| read_one(reader, known))),
        join_all(resolved.orphans.iter().map(|known| read_one(reader, known))),
    );
    live.found = found.into_iter().collect();
    let addresses = resolved.surplus.iter().map(|(address, _)| address.clone());
    // What can't be read is left alone.
    for (address, surplus) in addresses.zip(surplus) {
        match surplus {
            Ok(surplus) => live.surplus.push((address, surplus)),
            Err(error) => live.unreadable.push(error),
        }
    }
    for orphan in orphans {
        match orphan {
            Ok(orphan) => live.orphans.push(orphan),
            Err(error) => live.unreadable.push(error),
        }
    }
    live
}

async fn read_one(reader: &Reader, known: &Known) -> Result<Live, AwsError> {
    let answer = reader.backup_plan(&known.id, known.version.as_deref()).await?;
    Ok(normal_form(known, &answer))
}

fn normal_form(known: &Known, answer: &shape::Answer) -> Live {
    let carried = shape::whole_plan(answer);
    let vaults =
        carried["Rules"].as_array().into_iter().flatten().filter_map(|rule| rule["TargetBackupVaultName"].as_str());
    let mut refers: Vec<(KindId, String)> = vaults.map(|name| (KindId::Vault, name.to_owned())).collect();
    refers.sort();
    refers.dedup();
    Live {
        name: known.name.clone(),
        owner: known.owner.clone(),
        ids: ids([
            ("BackupPlanId", Some(known.id.as_str())),
            ("Arn", Some(known.arn.as_str())),
            ("VersionId", answer.version_id()),
            ("CreatorRequestId", known.creator_request_id.as_deref()),
        ]),
        fields: document::normal_form(&carried).tags(&known.tags).fields(),
        carried: Carried::new(PlanCarried(carried)),
        refers,
    }
}

/// Looks whether a plan is as an update asks.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    if call.operation != Operation::UpdateBackupPlan {
        return Ok(Look::Unclear);
    }
    let id = part(call, |input| input.required("BackupPlanId", Input::text))?;
    let answer = match reader.backup_plan(&id, None).await {
        Ok(answer) => answer,
        Err(error) if error.is_not_found() => return Ok(Look::Differs),
        Err(error) => return Err(error),
    };
    let wanted = document::normal_form(&call.input["BackupPlan"]).fields();
    let live = document::normal_form(&shape::plan_to_json(&answer)).fields();
    Ok(if diff::diff(super::FIELDS, &wanted, &live, &BTreeMap::new()).is_empty() {
        Look::Stands(json!({ "BackupPlanId": id, "VersionId": answer.version_id() }))
    } else {
        Look::Absent
    })
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (backup, operation) = (writer.backup(), call.operation);
    let plan_id = |input: &Input<'_>| input.required("BackupPlanId", Input::text);
    let plan =
        |input: &Input<'_>| input.required("BackupPlan", |input, name| input.carried(name, shape::plan_from_json));
    match operation {
        Operation::CreateBackupPlan => create(writer, call).await,
        Operation::UpdateBackupPlan => {
            let request = whole(call, |input| {
                Ok(backup.update_backup_plan().backup_plan_id(plan_id(input)?).backup_plan(plan(input)?))
            })?;
            let request = request.customize().interceptor(shape::unmodelled(call));
            let answer = writer.send(operation, request.send()).await?;
            if let (Some(id), Some(version)) = (&answer.backup_plan_id, &answer.version_id) {
                writer.made_plan(id, version, answer.backup_plan_arn.as_deref(), &call.input["BackupPlan"]);
            }
            Ok(json!({ "BackupPlanId": answer.backup_plan_id, "VersionId": answer.version_id }))
        }
        Operation::DeleteBackupPlan => {
            let request = whole(call, |input| Ok(backup.delete_backup_plan().backup_plan_id(plan_id(input)?)))?;
            writer.send(operation, request.send()).await?;
            Ok(json!({}))
        }
        Operation::GetBackupPlan => {
            let (id, expected) =
                whole(call, |input| Ok((plan_id(input)?, Expected::unmarked(input, &["VersionId"])?)))?;
            expected.check(&[writer.reader().backup_plan(&id, None).await?.version_id()], None)
        }
        Operation::TagResource | Operation::UntagResource | Operation::ListTags => perform_tags(writer, call).await,
        _ => Err(unusable(call, "no backup plan needs it")),
    }
}

/// Makes a plan. Its token names the entry: AWS may answer that of a plan which is gone with that plan.
async fn create(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (plan, first, tags) = whole(call, |input| {
        let plan = input.required("BackupPlan", |input, name| input.carried(name, shape::plan_from_json))?;
        Ok((plan, input.text("CreatorRequestId")?, input.map("BackupPlanTags")?))
    })?;
    let mut generation = 0;
    loop {
        let token = tokens::of_generation(first.as_deref(), generation);
        let before = writer.date();
        let request = writer
            .backup()
            .create_backup_plan()
            .backup_plan(plan.clone())
            .set_backup_plan_tags(tags.clone())
            .set_creator_request_id(token.clone())
            .customize()
            .interceptor(shape::unmodelled(call));
        // Our own token says that an earlier, unanswered call made it.
        let made_before = |error: &CreateBackupPlanError| match error {
            CreateBackupPlanError::AlreadyExistsException(error) if error.creator_request_id == token => {
                let id = error.arn.as_deref().and_then(|arn| arn.rsplit(':').next()).map(str::to_owned);
                let output = CreateBackupPlanOutput::builder().set_backup_plan_arn(error.arn.clone());
                Some(output.set_backup_plan_id(id).build())
            }
            _ => None,
        };
        let answer = writer.send_unless(call.operation, request.send(), made_before).await?;
        let id = answer.backup_plan_id.ok_or_else(|| incomplete(call, "BackupPlanId"))?;
        let (arn, version) = (&answer.backup_plan_arn, &answer.version_id);
        let made = json!({ "BackupPlanId": id, "Arn": arn, "VersionId": version });
        let created = answer.creation_date.and_then(|date| date.to_millis().ok());
        if let Some(version) = answer.version_id.filter(|_| tokens::is_new(created, before)) {
            writer.made_plan(&id, &version, answer.backup_plan_arn.as_deref(), &call.input["BackupPlan"]);
            writer.made_without_selections(&id);
        }
        if !tokens::must_be_visible(created, writer.date()) || generation >= tokens::GENERATIONS {
            return Ok(made);
        }
        if writer.reader().list_backup_plans().await?.iter().any(|plan| plan.backup_plan_id() == Some(id.as_str())) {
            return Ok(made);
        }
        generation += 1;
    }
}
