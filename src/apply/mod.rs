//! Carries out a plan: the steps side by side as their order allows, each call as the plan spells it out. Nothing is
//! chosen here and nothing is rolled back: running again converges.

pub mod lease;
mod report;
mod retry;
mod reveal;
mod run;
pub mod settle;

use crate::model::Operation;
pub use report::{Event, Left, Leftover, Outcome, Report, Status};
pub use reveal::Revealing;
pub use run::{Options, Perform, run};

/// Makes a call that is no step of a plan, again as long as its failures pass and a second request meets the first.
///
/// # Errors
/// The last failure.
pub async fn persist<T, F>(
    pace: std::time::Duration,
    operation: Operation,
    mut call: impl FnMut() -> F,
) -> Result<T, crate::aws::AwsError>
where
    F: Future<Output = Result<T, crate::aws::AwsError>>,
{
    let class = operation.known().class;
    let mut waits = retry::Waits::new(pace);
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match waits.next(&error, class, false) {
            Some(delay) => tokio::time::sleep(delay).await,
            None => return Err(error),
        }
    }
}
