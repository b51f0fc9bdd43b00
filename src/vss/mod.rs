//! The domain: what AWS says about backups and instances, and what follows from it. [`evidence`] is what was read at
//! one moment; everything else is a pure function of it, with no clock, no I/O and no terminal.
//!
//! | module | answers |
//! |---|---|
//! | [`backup`] | what an on-demand backup needs, and what came of it |
//! | [`verify`] | are the backups application-consistent? |
//! | [`copies`] | what became of the copies that rules ask for? |
//! | [`coverage`] | which instances does no plan protect, protect without VSS, or protect twice? |
//! | [`doctor`] | why would VSS not work? |
//! | [`declared`] | what does the file declare that proofs compare with AWS? |
//! | [`selection`] | what does a backup selection select? |
//! | [`targets`] | which instances do an association's targets mean? |
//! | [`together`] | which instances do two selections both select? |
//! | [`messages`] | what does a message of AWS Backup mean? |
//! | [`gate`] | which policy has to wait for which package? |
//! | [`others`] | what do others have beside the stack? |
//! | [`package`] | what is known of the package on an instance? |
//! | [`migrate`] | which roles have a hand-written VSS policy? |
//! | [`rivals`] | which packages of a file undo each other? |
//! | [`version`] | which `AwsVssComponents` is older? |
//!
//! One rule holds everywhere: a backup is called consistent only on AWS's own evidence, and what could not be read is
//! unknown, never missing and never in order.

pub mod backup;
pub mod copies;
pub mod coverage;
pub mod declared;
pub mod doctor;
pub mod evidence;
#[cfg(test)]
pub(crate) mod fixture;
pub mod gate;
pub mod messages;
pub mod migrate;
pub mod moment;
pub mod others;
pub mod package;
pub mod rivals;
pub mod schedule;
pub mod selection;
pub mod targets;
pub mod together;
pub mod verify;
pub mod version;

pub use moment::Moment;
