//! The reads that tell how backups went and whether instances can make VSS backups. They are lists of the region; there
//! is no call for each instance.

use std::sync::Arc;

use aws_sdk_backup::operation::describe_backup_job::DescribeBackupJobOutput;
use aws_sdk_backup::types::{BackupJob, CopyJob};
use aws_sdk_ssm::types::{InstanceInformation, InventoryFilter, InventoryQueryOperatorType, InventoryResultEntity};
use aws_smithy_types::DateTime;

use super::{PAGE, Page, Reader, lists, read_all};
use crate::aws::AwsError;

/// The largest page of `DescribeInstanceInformation`.
const INFORMATION_PAGE: i32 = 50;

impl Reader {
    /// Reads the EC2 backup jobs that were created after a moment, in seconds since 1970. AWS keeps them for 30 days.
    pub async fn backup_jobs(&self, since: i64) -> Result<Arc<Vec<BackupJob>>, AwsError> {
        let read = async {
            let page = |token| async {
                let request = self
                    .backup
                    .list_backup_jobs()
                    .by_resource_type("EC2")
                    .by_created_after(DateTime::from_secs(since))
                    .max_results(PAGE)
                    .set_next_token(token);
                let page = self.call("backup", "ListBackupJobs", move || request.clone().send()).await?;
                let arns = page.backup_jobs().iter().map(BackupJob::resource_arn);
                self.ours("backup", "ListBackupJobs", arns)?;
                Ok(Page { items: page.backup_jobs, truncated: None, next: page.next_token })
            };
            read_all(lists::BACKUP_JOBS, |job: &BackupJob| job.backup_job_id.clone(), page).await
        };
        self.memos.jobs.get(&since.to_string(), async { read.await.map(Arc::new) }).await
    }

    /// Reads the copy jobs of EC2's recovery points that were created after a moment, in seconds since 1970. AWS keeps
    /// them for 30 days.
    pub async fn copy_jobs(&self, since: i64) -> Result<Arc<Vec<CopyJob>>, AwsError> {
        let read = async {
            let page = |token| async {
                let request = self
                    .backup
                    .list_copy_jobs()
                    .by_resource_type("EC2")
                    .by_created_after(DateTime::from_secs(since))
                    .max_results(PAGE)
                    .set_next_token(token);
                let page = self.call("backup", "ListCopyJobs", move || request.clone().send()).await?;
                Ok(Page { items: page.copy_jobs, truncated: None, next: page.next_token })
            };
            read_all(lists::COPY_JOBS, |job: &CopyJob| job.copy_job_id.clone(), page).await
        };
        self.memos.copies.get(&since.to_string(), async { read.await.map(Arc::new) }).await
    }

    /// Reads one backup job. The answer is not remembered, because a job changes.
    pub async fn backup_job(&self, id: &str) -> Result<DescribeBackupJobOutput, AwsError> {
        let request = self.backup.describe_backup_job().backup_job_id(id);
        let answer = self.call("backup", "DescribeBackupJob", move || request.clone().send()).await?;
        self.ours("backup", "DescribeBackupJob", [answer.resource_arn()])?;
        Ok(answer)
    }

    /// Reads what Systems Manager knows about its managed instances.
    pub async fn instance_information(&self) -> Result<Arc<Vec<InstanceInformation>>, AwsError> {
        let read = async {
            let page = |token| async {
                let request =
                    self.ssm.describe_instance_information().max_results(INFORMATION_PAGE).set_next_token(token);
                let page = self.call("ssm", "DescribeInstanceInformation", move || request.clone().send()).await?;
                Ok(Page { items: page.instance_information_list, truncated: None, next: page.next_token })
            };
            let id = |instance: &InstanceInformation| instance.instance_id.clone();
            read_all(lists::INSTANCE_INFORMATION, id, page).await
        };
        self.memos.information.get("", async { read.await.map(Arc::new) }).await
    }

    /// Reads from the inventory which managed instances have a Windows service; none where no inventory is collected.
    pub async fn instances_with_service(&self, name: &str) -> Result<Vec<String>, AwsError> {
        let filter = InventoryFilter::builder()
            .key("AWS:Service.Name")
            .values(name)
            .r#type(InventoryQueryOperatorType::Equal)
            .build()
            .map_err(|error| AwsError::rejected("ssm", "GetInventory", error.to_string()))?;
        let page = |token| async {
            let request = self.ssm.get_inventory().filters(filter.clone());
            let request = request.max_results(INFORMATION_PAGE).set_next_token(token);
            let page = self.call("ssm", "GetInventory", move || request.clone().send()).await?;
            Ok(Page { items: page.entities, truncated: None, next: page.next_token })
        };
        let entities = read_all(lists::INVENTORY, |entity: &InventoryResultEntity| entity.id.clone(), page).await?;
        Ok(entities.into_iter().filter_map(|entity| entity.id).collect())
    }

    /// Reads the document of a managed policy as it holds now, as JSON text that is still URL-encoded.
    pub async fn policy_document(&self, arn: &str) -> Result<String, AwsError> {
        let policy = self.policy(arn).await?;
        let version = policy.default_version_id().unwrap_or_default();
        let read = async {
            let request = self.iam.get_policy_version().policy_arn(arn).version_id(version);
            let answer = self.call("iam", "GetPolicyVersion", move || request.clone().send()).await?;
            let missing = || AwsError::unsettled("iam", "GetPolicyVersion", "the answer has no document");
            answer.policy_version.and_then(|version| version.document).ok_or_else(missing)
        };
        self.memos.policy_documents.get(arn, read).await
    }
}
