//! The port to AWS: clients that can only read, clients that write, the account guard that both obey, and one form of
//! error. Nothing here knows a kind.

mod bodies;
mod connect;
mod credentials;
pub mod denial;
mod ec2;
mod endpoint;
mod error;
mod fence;
mod gate;
mod guard;
mod kms;
mod lacks;
mod limiter;
mod memo;
mod pages;
mod parameters;
mod read;
mod region;
pub(crate) mod retry;
mod runtime;
mod sources;
mod unmodelled;
mod whole;
mod write;

pub use connect::{Clients, ConnectError, ConnectOptions, Timeouts};
pub use ec2::{Image, Instance, ProfileAssociation, RouteTable, Snapshot, Volume, VpcEndpoint};
pub use error::{AwsError, ErrorKind, NO_CREDENTIALS};
pub use fence::Fence;
pub use guard::{Caller, GuardError, guard};
pub use kms::Key;
pub use limiter::{Category, OperationStats, Pace, Start, Stats};
pub use parameters::{Parameter, Parameters};
pub use read::{Authorization, Invocations, Reader, RegionSettings, Stale, Tags, TagsByArn, VaultNotifications};
pub use region::default_region;
pub use retry::persist;
pub use sources::{Origin, ProfileError, Reason, SignInError, Source};
pub use unmodelled::Answered;
pub(crate) use unmodelled::Completing;
pub use write::{BackupOrder, Writer};
