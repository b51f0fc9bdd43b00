//! Whether a saved plan may be applied: why not, if not.

use jiff::{SignedDuration, Timestamp};

use super::{LONGEST, SavedPlan, SavedStep};
use crate::config;
use crate::kind::{Desired, KindLive};
use crate::model::{Address, Hidden, KindId, Scope};
use crate::plan::fingerprint::{Moved, moved, observe};
use crate::plan::{FORMAT, Plan};

/// Clocks of two machines may differ by this much.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Why a saved plan is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is no saved plan.
    #[error("it is not a saved plan: {0}")]
    NotOne(String),
    /// It was made by another version of the format.
    #[error("it is a saved plan of format {0}, and this program knows {FORMAT}")]
    Format(u64),
    /// It is not as it was written.
    #[error("it was edited after it was made: {0}")]
    Edited(String),
    /// It is for something else.
    #[error("it is for {0}")]
    Foreign(String),
    /// It is not the one that was reviewed.
    #[error("its digest is {actual}, and {expected} was reviewed")]
    Digest {
        /// What was asked for.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// It comes from the future.
    #[error("it was made at {0}, which is still to come: one of the clocks is wrong, or it was edited")]
    Future(String),
    /// Its time is over.
    #[error("it expired at {0}")]
    Expired(String),
    /// The configuration is not the one it was made from.
    #[error("the configuration changed since it was made")]
    Configuration,
    /// It needs a value that no plan carries, and the file that has it is not there.
    #[error("a saved plan has no hidden values, and `{0}` needs one that is in the file")]
    Hidden(Address),
    /// What it saw is not there any more.
    #[error("what it was made from has moved")]
    Stale(Vec<Moved>),
}

impl Refusal {
    /// Tells whether planning again mends it; else somebody should look at it first.
    pub fn is_stale(&self) -> bool {
        match self {
            Self::Expired(_) | Self::Configuration | Self::Stale(_) => true,
            Self::NotOne(_)
            | Self::Format(_)
            | Self::Edited(_)
            | Self::Foreign(_)
            | Self::Digest { .. }
            | Self::Hidden(_)
            | Self::Future(_) => false,
        }
    }
}

impl SavedPlan {
    /// Makes sure that it is the reviewed one.
    pub fn expect(&self, digest: Option<&str>) -> Result<(), Refusal> {
        match digest {
            Some(expected) if expected != self.digest => {
                Err(Refusal::Digest { expected: expected.to_owned(), actual: self.digest.clone() })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Makes sure that the values that no plan carries are known here.
    ///
    /// # Errors
    /// The first step that needs one which is not.
    pub fn check_hidden(&self, hidden: &Hidden) -> Result<(), Refusal> {
        let lacks = |step: &&SavedStep| step.calls.iter().any(|call| hidden.reveal(&call.input).is_err());
        match self.steps.iter().find(lacks) {
            Some(step) => Err(Refusal::Hidden(step.address.clone())),
            None => Ok(()),
        }
    }

    /// Makes sure that its time is now.
    pub fn check_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let read = |text: &str| {
            text.parse::<Timestamp>().map_err(|_| Refusal::Edited(format!("`{text}` is no point in time")))
        };
        let (created, expires) = (read(&self.created_at)?, read(&self.expires_at)?);
        if created > now.saturating_add(SKEW).unwrap_or(now) {
            return Err(Refusal::Future(self.created_at.clone()));
        }
        if expires.duration_since(created) > LONGEST {
            return Err(Refusal::Edited("it holds for more than a day".to_owned()));
        }
        if expires <= now {
            return Err(Refusal::Expired(self.expires_at.clone()));
        }
        Ok(())
    }

    /// Makes sure that it is for the configuration that is there.
    pub fn check_config(&self, config: &config::Config) -> Result<(), Refusal> {
        let Scope { stack, account_id, region, iam_path: _ } = &self.scope;
        let own = &config.scope;
        for (what, theirs, ours) in
            [("stack", stack, &own.stack), ("account", account_id, &own.account_id), ("region", region, &own.region)]
        {
            if theirs != ours {
                return Err(Refusal::Foreign(format!("{what} `{theirs}`, and the file is for `{ours}`")));
            }
        }
        let same = self.entries() == without_places(&config.desired) && self.options.thresholds == config.thresholds;
        match (same, self.config_sha256 == config.sha256) {
            // A comment, or another layout of the file, asks for nothing else.
            (true, _) => Ok(()),
            (false, false) => Err(Refusal::Configuration),
            (false, true) => Err(Refusal::Edited("it asks for what the file does not say".to_owned())),
        }
    }

    /// Makes sure that a plan built again, from what is live now, does the same to the same resources.
    pub fn check_fresh(&self, fresh: &Plan, live: &[(KindId, KindLive)]) -> Result<(), Refusal> {
        let moved = moved(&self.objects, &observe(fresh, &self.entries(), live, &self.objects));
        let same = self.steps == fresh.steps.iter().map(SavedStep::from).collect::<Vec<_>>();
        let (touched, others): (Vec<Moved>, Vec<Moved>) = moved.into_iter().partition(|moved| moved.touched);
        if !touched.is_empty() {
            return Err(Refusal::Stale(touched));
        }
        match (same, others.is_empty()) {
            (true, _) => Ok(()),
            (false, false) => Err(Refusal::Stale(others)),
            (false, true) => {
                Err(Refusal::Edited("its steps are not those that follow from what it was made from".to_owned()))
            }
        }
    }
}

/// Leaves out where entries stand.
fn without_places(desired: &[Desired]) -> Vec<Desired> {
    desired.iter().map(|entry| Desired { location: None, ..entry.clone() }).collect()
}
