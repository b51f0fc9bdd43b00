//! The recovery points of the jobs that decide: their images and snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::known::known;
use super::listed::{read_image, read_snapshot};
use super::packages::{Packages, of_backups};
use crate::aws::Reader;
use crate::vss::evidence::{Evidence, Image, Job, JobState, Known, Snapshot};

/// What was read of recovery points.
pub(super) struct Points {
    pub(super) images: Known<BTreeMap<String, Option<Image>>>,
    pub(super) snapshots: Known<BTreeMap<String, Option<Snapshot>>>,
    /// What the tags tell about the packages that made them.
    pub(super) packages: Packages,
}

/// Says how many jobs of each instance a report shows: one for each day of a month for a small fleet, and fewer for a
/// large one, so that the page and the number of calls stay bounded.
pub fn history(instances: usize) -> usize {
    (6_000 / instances.max(1)).clamp(3, 31)
}

/// Reads the images and snapshots that decide: those of each instance's newest job that says VSS. With the history it
/// reads those of older jobs as well, whatever these say.
pub(super) async fn read(reader: &Reader, evidence: &Evidence, with_history: bool) -> Option<Points> {
    let jobs = evidence.jobs.known()?;
    let mut newest: BTreeMap<&str, &Job> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.says_vss() && job.state == JobState::Completed) {
        let entry = newest.entry(job.instance_id()).or_insert(job);
        if (job.created, &job.id) > (entry.created, &entry.id) {
            *entry = job;
        }
    }
    // The ids are sorted, so that the same question is the same request.
    let mut ids: BTreeSet<String> = newest.values().filter_map(|job| job.image_id().map(str::to_owned)).collect();
    if with_history {
        ids.extend(older_images(jobs));
    }
    let ids: Vec<String> = ids.into_iter().collect();
    if ids.is_empty() {
        let (images, snapshots) = (Known::Known(BTreeMap::new()), Known::Known(BTreeMap::new()));
        return Some(Points { images, snapshots, packages: Known::NotRead });
    }
    let images = known(reader.images(Some(&ids)).await).map(|found| {
        let mut images: BTreeMap<String, Option<Image>> = ids.iter().map(|id| (id.clone(), None)).collect();
        images.extend(found.iter().map(|image| (image.id.clone(), Some(read_image(image)))));
        images
    });
    let wanted: BTreeSet<String> = images
        .known()
        .into_iter()
        .flat_map(BTreeMap::values)
        .flatten()
        .flat_map(|image| image.snapshots.iter().map(|(_, id)| id.clone()))
        .collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    let snapshots = if wanted.is_empty() {
        Known::Known(BTreeMap::new())
    } else {
        known(reader.snapshots(Some(&wanted)).await).map(|found| {
            let mut snapshots: BTreeMap<String, Option<Snapshot>> =
                wanted.iter().map(|id| (id.clone(), None)).collect();
            snapshots.extend(found.iter().map(|snapshot| (snapshot.id.clone(), Some(read_snapshot(snapshot)))));
            snapshots
        })
    };
    let packages = of_backups(&images, &snapshots, &newest);
    Some(Points { images, snapshots, packages })
}

/// The images of the jobs that a report shows.
fn older_images(jobs: &[Job]) -> Vec<String> {
    let mut of_instances: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.vss_requested || job.says_vss()) {
        of_instances.entry(job.instance_id()).or_default().push(job);
    }
    let shown = history(of_instances.len());
    let mut images = Vec::new();
    for jobs in of_instances.values_mut() {
        jobs.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
        images.extend(jobs.iter().take(shown).filter_map(|job| job.image_id().map(str::to_owned)));
    }
    images
}
