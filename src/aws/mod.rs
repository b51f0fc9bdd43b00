//! The port to AWS: clients that can only read, clients that write, and what went wrong, in one form.

mod error;
mod read;
mod write;

pub use error::{AwsError, ErrorKind};
pub use read::Reader;
pub use write::Writer;
