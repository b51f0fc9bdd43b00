//! The reads of AWS Backup and Systems Manager.

use std::sync::Arc;

use aws_sdk_backup::config::{Builder, Region};
use aws_sdk_backup::operation::get_backup_plan::GetBackupPlanOutput;
use aws_sdk_backup::types::{
    BackupPlansListMember, BackupSelection, BackupSelectionsListMember, BackupVaultListMember,
};
use aws_sdk_ssm::types::{
    Association, AssociationDescription, Command, CommandFilter, CommandFilterKey, ResourceTypeForTagging,
};
use serde_json::Value;

use super::{
    Answered, Hearing, Items, Memory, PAGE, Page, Reader, RegionSettings, Tags, VaultNotifications, lists, read_all,
};
use crate::aws::AwsError;
use crate::aws::bodies::{Name, answering};

/// The largest page of SSM's lists.
const SSM_PAGE: i32 = 50;

impl Reader {
    /// Reads every backup vault of the region.
    pub async fn list_backup_vaults(&self) -> Result<Arc<Vec<Answered<BackupVaultListMember>>>, AwsError> {
        self.list_backup_vaults_of(&self.scope.region).await
    }

    /// Reads every backup vault that the account has in a region: copies go to other ones than the stack's.
    pub async fn list_backup_vaults_of(
        &self,
        region: &str,
    ) -> Result<Arc<Vec<Answered<BackupVaultListMember>>>, AwsError> {
        let read = async {
            let page = |token| async {
                let hearing = Hearing::default();
                let request = self.backup.list_backup_vaults().max_results(PAGE).set_next_token(token);
                let ask = || {
                    let request = request.clone().customize().interceptor(hearing.clone());
                    if region == self.scope.region {
                        request.send()
                    } else {
                        request.config_override(Builder::new().region(Region::new(region.to_owned()))).send()
                    }
                };
                let page = self.call("backup", "ListBackupVaults", ask).await?;
                let arns = page.backup_vault_list().iter().map(|vault| vault.backup_vault_arn());
                self.ours("backup", "ListBackupVaults", arns)?;
                let heard = hearing.member("BackupVaultList").as_array_mut().map(std::mem::take).unwrap_or_default();
                let heard = heard.into_iter().chain(std::iter::repeat(Value::Null));
                let vaults = page.backup_vault_list.map(|vaults| {
                    vaults.into_iter().zip(heard).map(|(vault, heard)| Answered::new(vault, heard)).collect()
                });
                Ok(Page { items: vaults, truncated: None, next: page.next_token })
            };
            read_all(
                lists::BACKUP_VAULTS,
                |vault: &Answered<BackupVaultListMember>| vault.backup_vault_arn.clone(),
                page,
            )
            .await
        };
        self.memos.vaults.get(region, async { read.await.map(Arc::new) }).await
    }

    /// Reads the access policy of one vault.
    pub async fn vault_access_policy(&self, name: &str) -> Result<Option<String>, AwsError> {
        let read = async {
            let request = self.backup.get_backup_vault_access_policy().backup_vault_name(name);
            match self.call("backup", "GetBackupVaultAccessPolicy", move || request.clone().send()).await {
                Ok(answer) => Ok(answer.policy.filter(|policy| !policy.is_empty())),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.memos.access_policies.get(name, read).await
    }

    /// Reads who gets the notifications of one vault.
    pub async fn vault_notifications(&self, name: &str) -> Result<Option<VaultNotifications>, AwsError> {
        let read = async {
            let hearing = Hearing::default();
            let request = self.backup.get_backup_vault_notifications().backup_vault_name(name);
            match self
                .call("backup", "GetBackupVaultNotifications", || {
                    request.clone().customize().interceptor(hearing.clone()).send()
                })
                .await
            {
                Ok(answer) => {
                    let events = answer.backup_vault_events.unwrap_or_default();
                    let events = events.iter().map(|event| event.as_str().to_owned()).collect();
                    let topic = answer.sns_topic_arn.filter(|topic| !topic.is_empty());
                    Ok(topic.map(|topic| VaultNotifications { topic, events, heard: hearing.whole() }))
                }
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.memos.notifications.get(name, read).await
    }

    /// Reads every backup plan of the region, deleted ones not included.
    pub async fn list_backup_plans(&self) -> Result<Arc<Vec<BackupPlansListMember>>, AwsError> {
        let read = async {
            let page = |token| async {
                let request = self.backup.list_backup_plans().max_results(PAGE).set_next_token(token);
                let page = self.call("backup", "ListBackupPlans", move || request.clone().send()).await?;
                let arns = page.backup_plans_list().iter().map(|plan| plan.backup_plan_arn());
                self.ours("backup", "ListBackupPlans", arns)?;
                Ok(Page { items: page.backup_plans_list, truncated: None, next: page.next_token })
            };
            let id = |plan: &BackupPlansListMember| plan.backup_plan_id.clone();
            let mut plans = read_all(lists::BACKUP_PLANS, id, page).await?;
            plans.retain(|plan| plan.deletion_date.is_none());
            Ok(Arc::new(plans))
        };
        self.memos.plans.get("", read).await
    }

    /// Reads one backup plan. In the answer, `AdvancedBackupSettings` is beside the plan and not in it. A list may have
    /// said which `version` it is: where that is known already, AWS is not asked.
    pub async fn backup_plan(
        &self,
        id: &str,
        version: Option<&str>,
    ) -> Result<Arc<Answered<GetBackupPlanOutput>>, AwsError> {
        let read = async {
            let hearing = Hearing::default();
            let request = self.backup.get_backup_plan().backup_plan_id(id);
            let ask = || request.clone().customize().interceptor(hearing.clone());
            let bodies = self.memory.bodies();
            let known = bodies.zip(version).and_then(|(bodies, version)| bodies.get(&Name::Plan(id, version)));
            let known = replay(known, |config| ask().config_override(config).send()).await;
            let is_known = known.is_some();
            let answer = match known {
                Some(answer) => answer,
                None => self.call("backup", "GetBackupPlan", || ask().send()).await?,
            };
            if answer.backup_plan.is_none() {
                return Err(AwsError::unsettled("backup", "GetBackupPlan", "the answer has no plan"));
            }
            let mut heard = hearing.whole();
            if let (Some(bodies), Some(version), false) = (bodies, answer.version_id(), is_known) {
                bodies.put(&Name::Plan(id, version), &heard);
            }
            let (mut plan, settings) = (heard["BackupPlan"].take(), heard["AdvancedBackupSettings"].take());
            if let (Some(plan), true) = (plan.as_object_mut(), settings.is_array()) {
                plan.insert("AdvancedBackupSettings".to_owned(), settings);
            }
            Ok(Arc::new(Answered::new(answer, plan)))
        };
        self.memos.plan.get(id, read).await
    }

    /// Reads the list of one plan's selections.
    pub async fn list_backup_selections(
        &self,
        plan_id: &str,
    ) -> Result<Arc<Vec<BackupSelectionsListMember>>, AwsError> {
        let read = async {
            if let Memory::Own(known) = &self.memory
                && let Some(members) = known.selections(plan_id)
            {
                return Ok(members);
            }
            let page = |token| async {
                let request = self
                    .backup
                    .list_backup_selections()
                    .backup_plan_id(plan_id)
                    .max_results(PAGE)
                    .set_next_token(token);
                let page = self.call("backup", "ListBackupSelections", move || request.clone().send()).await?;
                Ok(Page { items: page.backup_selections_list, truncated: None, next: page.next_token })
            };
            let id = |selection: &BackupSelectionsListMember| selection.selection_id.clone();
            let members = read_all(lists::BACKUP_SELECTIONS, id, page).await?;
            if let Some(bodies) = self.memory.bodies() {
                bodies.set_selections(plan_id, Some(members.clone()));
            }
            Ok(members)
        };
        self.memos.selections.get(plan_id, async { read.await.map(Arc::new) }).await
    }

    /// Reads one selection of a plan.
    pub async fn backup_selection(&self, plan_id: &str, id: &str) -> Result<Arc<Answered<BackupSelection>>, AwsError> {
        let read = async {
            let hearing = Hearing::default();
            let request = self.backup.get_backup_selection().backup_plan_id(plan_id).selection_id(id);
            let ask = || request.clone().customize().interceptor(hearing.clone());
            let (bodies, name) = (self.memory.bodies(), Name::Selection(plan_id, id));
            let known = bodies.and_then(|bodies| bodies.get(&name));
            let known = replay(known, |config| ask().config_override(config).send()).await;
            let is_known = known.is_some();
            let answer = match known {
                Some(answer) => answer,
                None => self.call("backup", "GetBackupSelection", || ask().send()).await?,
            };
            let missing = || AwsError::unsettled("backup", "GetBackupSelection", "the answer has no selection");
            let selection = answer.backup_selection.ok_or_else(missing)?;
            let mut heard = hearing.whole();
            if let Some(bodies) = bodies.filter(|_| !is_known) {
                bodies.put(&name, &heard);
            }
            Ok(Arc::new(Answered::new(selection, heard["BackupSelection"].take())))
        };
        self.memos.selection.get(&format!("{plan_id}/{id}"), read).await
    }

    /// Reads the tags of one vault or plan at their source.
    pub async fn backup_tags(&self, arn: &str) -> Result<Arc<Tags>, AwsError> {
        let read = async {
            let page = |token| async {
                let request = self.backup.list_tags().resource_arn(arn).max_results(PAGE).set_next_token(token);
                let page = self.call("backup", "ListTags", move || request.clone().send()).await?;
                let tags = page.tags.unwrap_or_default().into_iter().collect();
                Ok(Page { items: Some(tags), truncated: None, next: page.next_token })
            };
            let tags = read_all(lists::BACKUP_TAGS, |tag: &(String, String)| Some(tag.0.clone()), page).await?;
            Ok(Arc::new(tags.into_iter().collect()))
        };
        self.memos.tags.get(arn, read).await
    }

    /// Reads the region's resource type settings of AWS Backup.
    pub async fn region_settings(&self) -> Result<Arc<RegionSettings>, AwsError> {
        let read = async {
            let hearing = Hearing::default();
            let request = self.backup.describe_region_settings();
            let answer = self
                .call("backup", "DescribeRegionSettings", || {
                    request.clone().customize().interceptor(hearing.clone()).send()
                })
                .await?;
            Ok(Arc::new(RegionSettings {
                opt_in: answer.resource_type_opt_in_preference.unwrap_or_default().into_iter().collect(),
                management: answer.resource_type_management_preference.unwrap_or_default().into_iter().collect(),
                heard: hearing.whole(),
            }))
        };
        self.memos.settings.get("", read).await
    }

    /// Reads every State Manager association of the region.
    pub async fn list_associations(&self) -> Result<Arc<Vec<Association>>, AwsError> {
        let read = async {
            let page = |token| async {
                let request = self.ssm.list_associations().max_results(SSM_PAGE).set_next_token(token);
                let page = self.call("ssm", "ListAssociations", move || request.clone().send()).await?;
                Ok(Page { items: page.associations, truncated: None, next: page.next_token })
            };
            read_all(lists::ASSOCIATIONS, |association: &Association| association.association_id.clone(), page).await
        };
        self.memos.associations.get("", async { read.await.map(Arc::new) }).await
    }

    /// Reads one association in full.
    pub async fn association(&self, id: &str) -> Result<Arc<Answered<AssociationDescription>>, AwsError> {
        let read = async {
            let hearing = Hearing::default();
            let request = self.ssm.describe_association().association_id(id);
            let answer = self
                .call("ssm", "DescribeAssociation", || request.clone().customize().interceptor(hearing.clone()).send())
                .await?;
            let missing = || AwsError::unsettled("ssm", "DescribeAssociation", "the answer has no association");
            let association = answer.association_description.ok_or_else(missing)?;
            Ok(Arc::new(Answered::new(association, hearing.member("AssociationDescription"))))
        };
        self.memos.association.get(id, read).await
    }

    /// Reads the tags of one association at their source.
    pub async fn association_tags(&self, id: &str) -> Result<Arc<Tags>, AwsError> {
        let read = async {
            let request =
                self.ssm.list_tags_for_resource().resource_type(ResourceTypeForTagging::Association).resource_id(id);
            let answer = self.call("ssm", "ListTagsForResource", move || request.clone().send()).await?;
            let mut tags = Items::new(lists::ASSOCIATION_TAGS);
            tags.add(answer.tag_list, |tag| Some(tag.key.clone()))?;
            Ok(Arc::new(tags.into_vec().into_iter().map(|tag| (tag.key, tag.value)).collect()))
        };
        self.memos.tags.get(&format!("association/{id}"), read).await
    }

    /// Reads the commands of the region that ran a document; AWS keeps them for 30 days.
    pub async fn list_commands(&self, document: &str) -> Result<Arc<Vec<Command>>, AwsError> {
        let read = async {
            let filter = CommandFilter::builder().key(CommandFilterKey::DocumentName).value(document).build();
            let filter = filter.map_err(|error| AwsError::rejected("ssm", "ListCommands", error.to_string()))?;
            let page = |token| async {
                let request =
                    self.ssm.list_commands().filters(filter.clone()).max_results(SSM_PAGE).set_next_token(token);
                let page = self.call("ssm", "ListCommands", move || request.clone().send()).await?;
                Ok(Page { items: page.commands, truncated: None, next: page.next_token })
            };
            read_all(lists::COMMANDS, |command: &Command| command.command_id.clone(), page).await
        };
        self.memos.commands.get(document, async { read.await.map(Arc::new) }).await
    }
}

/// Lets the SDK read an answer that is known; `None` where none is, or it can't be read.
async fn replay<T, E, F: Future<Output = Result<T, E>>>(
    body: Option<String>,
    send: impl FnOnce(aws_sdk_backup::config::Builder) -> F,
) -> Option<T> {
    let config = aws_sdk_backup::Config::builder().http_client(answering(body?));
    Box::pin(send(config)).await.ok()
}
