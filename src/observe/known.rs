//! What a read came to: known, or unknown with its reason.

use crate::aws::AwsError;
use crate::vss::Moment;
use crate::vss::evidence::{Known, Unread};

pub(super) fn unread(error: &AwsError) -> Unread {
    let code = error.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
    Unread { action: error.action(), message: format!("{code}{}", error.reason()) }
}

pub(super) fn known<T>(read: Result<T, AwsError>) -> Known<T> {
    match read {
        Ok(value) => Known::Known(value),
        Err(error) => Known::Unknown(unread(&error)),
    }
}

pub(super) fn moment(time: Option<&aws_smithy_types::DateTime>) -> Option<Moment> {
    time.map(|time| Moment::from_seconds(time.secs()))
}
