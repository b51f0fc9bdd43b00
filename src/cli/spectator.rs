//! The audience of commands that only read.

use futures_util::future::BoxFuture;

use super::clock::clock_warning;
use super::pace;
use super::ui::Ui;
use crate::engine::{self, Audience, News};

/// Tells of connecting and reading, and of nothing else.
#[derive(Debug)]
pub(super) struct Spectator<'a>(pub(super) &'a Ui);

impl Audience for Spectator<'_> {
    fn tell(&self, news: &News<'_>) {
        let ui = self.0;
        match news {
            News::Connecting => ui.status("asking AWS who we are"),
            News::StillConnecting => {
                ui.note("Still waiting for AWS to say who we are: it is tried for about two minutes.");
            }
            News::ClockGap(gap) => ui.warn(&clock_warning(*gap)),
            News::Reading => ui.status("reading what is live"),
            News::Read => ui.clear_status(),
            News::Paced(pace) => ui.paced(&pace::sentence(pace), pace.left()),
            News::Plan { .. }
            | News::Unguarded
            | News::Leasing
            | News::Waiting(_)
            | News::Leased
            | News::Quiet(_)
            | News::Begun(_)
            | News::Event(_)
            | News::LeaseLost
            | News::Stopping
            | News::OutOfTime
            | News::Over
            | News::LeaseKept(_)
            | News::LeaseNotReturned(_)
            | News::Settling
            | News::Report { .. }
            | News::Installing { .. }
            | News::Installed { .. }
            | News::RunsUnread(_) => {}
        }
    }

    fn consent(&self) -> BoxFuture<'_, engine::Consent> {
        Box::pin(std::future::ready(engine::Consent::Unavailable))
    }
}
