//! The evidence of one job.

use std::collections::BTreeMap;

use aws_sdk_backup::operation::describe_backup_job::DescribeBackupJobOutput;

use super::evidence::{known, moment, read_image, read_snapshot};
use crate::aws::{AwsError, Reader};
use crate::vss::Moment;
use crate::vss::evidence::{Evidence, Image, Instance, Job, JobState, Known, Snapshot};
use crate::vss::verify::{ImageProof, Proof, image_of, judge};

/// Reads the instances.
///
/// # Errors
/// When the list cannot be read.
pub async fn instances(reader: &Reader) -> Result<Vec<Instance>, AwsError> {
    Ok(reader.instances().await?.iter().map(super::evidence::instance).collect())
}

/// Reads one job as it is now, with how much of it is done in percent.
///
/// # Errors
/// When it cannot be read, or AWS does not say what it is.
pub async fn job(reader: &Reader, id: &str) -> Result<(Job, Option<String>), AwsError> {
    let answer = reader.backup_job(id).await?;
    let percent = answer.percent_done().map(str::to_owned);
    let job = described(&answer);
    let incomplete = || AwsError::unsettled("backup", "DescribeBackupJob", "the answer does not say what the job is");
    Ok((job.ok_or_else(incomplete)?, percent))
}

fn described(job: &DescribeBackupJobOutput) -> Option<Job> {
    let created_by = job.created_by();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let vss = job.backup_options().and_then(|options| options.get("WindowsVSS"));
    Some(Job {
        id: job.backup_job_id()?.to_owned(),
        resource_arn: job.resource_arn()?.to_owned(),
        state: JobState::from(job.state()?.as_str().to_owned()),
        backup_type: text(job.backup_type()),
        vss_requested: vss.is_some_and(|value| value.eq_ignore_ascii_case("enabled")),
        message_category: text(job.message_category()),
        status_message: text(job.status_message()),
        recovery_point_arn: text(job.recovery_point_arn()),
        created: moment(job.creation_date())?,
        completed: moment(job.completion_date()),
        plan_id: text(created_by.and_then(|by| by.backup_plan_id())),
        rule_id: text(created_by.and_then(|by| by.backup_rule_id())),
        vault: job.backup_vault_name().unwrap_or_default().to_owned(),
        role_arn: text(job.iam_role_arn()),
    })
}

/// Judges one job that has ended by its image and every snapshot of it, which are read now; the image is told of whatever the job
/// says.
pub async fn proof(reader: &Reader, job: &Job) -> (Proof, Option<ImageProof>) {
    let now = job.at();
    let mut evidence = Evidence::new(reader.scope().clone(), now, Moment::from_seconds(0));
    if let Some(id) = job.image_id() {
        let ids = [id.to_owned()];
        evidence.images = known(reader.images(Some(&ids)).await).map(|found| {
            let mut images: BTreeMap<String, Option<Image>> = BTreeMap::from([(id.to_owned(), None)]);
            images.extend(found.iter().map(|image| (image.id.clone(), Some(read_image(image)))));
            images
        });
        let image = evidence.images.known().and_then(|images| images.get(id)?.as_ref());
        let wanted: Vec<String> =
            image.map(|image| image.snapshots.iter().map(|(_, id)| id.clone()).collect()).unwrap_or_default();
        evidence.snapshots = if wanted.is_empty() {
            Known::Known(BTreeMap::new())
        } else {
            known(reader.snapshots(Some(&wanted)).await).map(|found| {
                let mut snapshots: BTreeMap<String, Option<Snapshot>> =
                    wanted.iter().map(|id| (id.clone(), None)).collect();
                snapshots.extend(found.iter().map(|one| (one.id.clone(), Some(read_snapshot(one)))));
                snapshots
            })
        };
    }
    (judge(&evidence, job), image_of(&evidence, job))
}
