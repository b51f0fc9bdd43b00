//! `--stats`: what a run asked of AWS, said at its end.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::aws::Clients;
use crate::engine::{Session, Timings};
use crate::model::json;
use crate::render::stats::Statistics;

/// What a run lets be counted. It is filled when the run connects.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    began: Instant,
    run: Arc<OnceLock<(Clients, Arc<Timings>)>>,
}

impl Default for Counted {
    fn default() -> Self {
        Self { began: Instant::now(), run: Arc::default() }
    }
}

impl Counted {
    /// Counts a session from here on; the first one of a run.
    pub(super) fn begin(&self, session: &Session) {
        let _ = self.run.set((session.clients.clone(), Arc::clone(&session.timings)));
    }

    /// Says what was counted: to stderr, or to a file as JSON. A run that did not connect asked nothing.
    pub(super) fn tell(&self, to: &OsStr, ui: &Ui) -> Result<(), CliError> {
        let wall = self.began.elapsed();
        let statistics = match self.run.get() {
            Some((clients, timings)) => Statistics::new(&clients.stats(), wall, &timings.parts(), &timings.critical()),
            None => Statistics::new(&crate::aws::Stats::default(), wall, &[], &[]),
        };
        if to.is_empty() {
            ui.aside(&statistics.text());
            return Ok(());
        }
        let path = Path::new(to);
        let failed = || CliError::new(Exit::Failed, format!("could not write the statistics to `{}`", path.display()));
        let text = json::pretty(&statistics).map_err(|error| failed().because(error))?;
        std::fs::write(path, text).map_err(|error| failed().because(error))
    }
}
