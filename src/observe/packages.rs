//! What is known of the package without a look inside: the tags of the newest VSS backups, and the results of
//! installations, which the version gate reads too.

use std::collections::BTreeMap;

use super::installed::{of_associations, of_commands};
use super::known::known;
use crate::aws::Reader;
use crate::vss::evidence::{Image, Job, Known, Snapshot};
use crate::vss::package::{Installed, PackageEvidence, PackageSource, of_backup};

/// What is known by instance id.
pub(super) type Packages = Known<BTreeMap<String, Vec<PackageEvidence>>>;

/// Reads the results of Run Commands and associations that install the package.
pub(super) async fn installations(reader: &Reader) -> (Packages, Packages) {
    let (commands, associations) = tokio::join!(of_commands(reader), of_associations(reader));
    (known(commands).map(by_instance), known(associations).map(by_instance))
}

fn by_instance(words: Vec<(String, PackageEvidence)>) -> BTreeMap<String, Vec<PackageEvidence>> {
    let mut packages: BTreeMap<String, Vec<PackageEvidence>> = BTreeMap::new();
    for (instance, word) in words {
        packages.entry(instance).or_default().push(word);
    }
    packages
}

/// What the tags of the newest VSS backups tell about the package that made them.
pub(super) fn of_backups(
    images: &Known<BTreeMap<String, Option<Image>>>,
    snapshots: &Known<BTreeMap<String, Option<Snapshot>>>,
    newest: &BTreeMap<&str, &Job>,
) -> Packages {
    let (Some(images), Some(snapshots)) = (images.known(), snapshots.known()) else { return Known::NotRead };
    let mut packages: BTreeMap<String, Vec<PackageEvidence>> = BTreeMap::new();
    for (instance, job) in newest {
        let Some(Some(image)) = job.image_id().and_then(|id| images.get(id)) else { continue };
        let of_snapshots =
            image.snapshots.iter().filter_map(|(_, id)| snapshots.get(id)?.as_ref()).map(|snapshot| &snapshot.tags);
        let told: Vec<Installed> = std::iter::once(&image.tags).chain(of_snapshots).filter_map(of_backup).collect();
        // A tag that names the version says more than tags that only set bounds for it.
        let named = told.iter().find(|installed| installed.version().is_some()).or(told.first());
        if let Some(installed) = named {
            packages.entry((*instance).to_owned()).or_default().push(PackageEvidence {
                installed: installed.clone(),
                source: PackageSource::SnapshotTag,
                at: job.at(),
            });
        }
    }
    Known::Known(packages)
}
