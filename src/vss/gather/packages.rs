//! What is known of the package without a look inside: the tags of the newest VSS backups, and what installations came to,
//! which the version gate reads too.

use std::collections::BTreeMap;

use super::known;
use crate::aws::Reader;
use crate::refresh::{of_associations, of_commands};
use crate::vss::Moment;
use crate::vss::evidence::{Evidence, Image, Job, Known, PackageEvidence, PackageSource, VSS_CONFIG};
use crate::vss::gate::{Installed, Source, Word};
use crate::vss::version::Version;

/// What is known by instance id.
type Packages = Known<BTreeMap<String, Vec<PackageEvidence>>>;

/// Reads what Run Commands and associations that install the package came to.
pub(super) async fn installations(reader: &Reader) -> (Packages, Packages) {
    let (commands, associations) = tokio::join!(of_commands(reader), of_associations(reader));
    (known(commands).map(by_instance), known(associations).map(by_instance))
}

fn by_instance(words: Vec<(String, Word)>) -> BTreeMap<String, Vec<PackageEvidence>> {
    let mut packages: BTreeMap<String, Vec<PackageEvidence>> = BTreeMap::new();
    for (instance, word) in words {
        packages.entry(instance).or_default().push(evidence(word));
    }
    packages
}

/// A version that is known only by its bounds is none here: it is there.
fn evidence(Word { installed, source, at }: Word) -> PackageEvidence {
    let (present, version) = match installed {
        Installed::Version(version) => (true, Some(version)),
        Installed::Newest | Installed::AtLeast(_) | Installed::Before(_) => (true, None),
        Installed::Gone => (false, None),
    };
    let source = match source {
        Source::Installation => PackageSource::Installation,
        Source::Backup => PackageSource::SnapshotTag,
    };
    PackageEvidence { present, version, source, at: Moment::from_seconds(at.div_euclid(1_000)) }
}

/// What the tags of the newest VSS backups tell about the package that made them.
pub(super) fn of_backups(
    evidence: &Evidence,
    images: &Known<BTreeMap<String, Option<Image>>>,
    newest: &BTreeMap<&str, &Job>,
) -> Packages {
    let (Some(images), Some(snapshots)) = (images.known(), evidence.snapshots.known()) else { return Known::NotRead };
    let mut packages: BTreeMap<String, Vec<PackageEvidence>> = BTreeMap::new();
    for (instance, job) in newest {
        let Some(Some(image)) = job.image_id().and_then(|id| images.get(id)) else { continue };
        let of_snapshots =
            image.snapshots.iter().filter_map(|(_, id)| snapshots.get(id)?.as_ref()).map(|snapshot| &snapshot.tags);
        let mut tags = std::iter::once(&image.tags).chain(of_snapshots);
        let version = tags.find_map(|tags| Version::in_tag(tags.get(VSS_CONFIG)?));
        if let Some(version) = version {
            packages.entry((*instance).to_owned()).or_default().push(PackageEvidence {
                present: true,
                version: Some(version),
                source: PackageSource::SnapshotTag,
                at: job.at(),
            });
        }
    }
    Known::Known(packages)
}
