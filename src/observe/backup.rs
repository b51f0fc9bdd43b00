//! The evidence of one job.

use std::collections::BTreeMap;

use super::jobs;
use super::known::known;
use super::listed::{self, read_image, read_snapshot};
use crate::aws::{AwsError, Reader};
use crate::vss::Moment;
use crate::vss::evidence::{Evidence, Image, Instance, Job, Known, Snapshot};
use crate::vss::verify::{ImageProof, Proof, image_of, judge};

/// Reads the instances.
///
/// # Errors
/// When the list cannot be read.
pub async fn instances(reader: &Reader) -> Result<Vec<Instance>, AwsError> {
    Ok(reader.instances().await?.iter().map(listed::instance).collect())
}

/// Reads one job as it is now, with how much of it is done in percent.
///
/// # Errors
/// When it cannot be read, or AWS does not say what it is.
pub async fn job(reader: &Reader, id: &str) -> Result<(Job, Option<String>), AwsError> {
    let answer = reader.backup_job(id).await?;
    let percent = answer.percent_done().map(str::to_owned);
    let job = jobs::described(&answer);
    let incomplete = || AwsError::unsettled("backup", "DescribeBackupJob", "the answer does not say what the job is");
    Ok((job.ok_or_else(incomplete)?, percent))
}

/// Judges a job that has ended by its image and all of its snapshots, which are read now. The proof of the image is
/// returned whatever the job says.
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
