//! `vssctl unlock`.

use super::arguments::{Global, UnlockArguments};
use super::events::Ended;
use super::exit::{CliError, Exit};
use super::lease::sentence;
use super::session::Session;
use super::ui::Ui;
use crate::apply::lease::{self, Store};
use crate::model::safe::escaped;
use crate::render::report::{Reported, Unlocked};

/// Breaks a lease whose holder is known to be dead.
pub(super) async fn run(arguments: &UnlockArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let (store, timing) = (Store::new(&session.engine.clients), session.engine.tempo.timing);
    let stack = escaped(&session.engine.config.scope.stack);
    let said = |text: String| if arguments.json { ui.note(&text) } else { ui.answer(&format!("{text}\n")) };
    let ended = |exit: Exit, unlocked: Unlocked| -> Result<Exit, CliError> {
        if arguments.json {
            let (scope, report) = (Some(&session.engine.config.scope), Some(Reported::Unlock(unlocked)));
            let diagnostics = &session.problems;
            Ended { command: "unlock", scope, exit, report, error: None, diagnostics }.report(ui)?;
        }
        Ok(exit)
    };
    let Some(holder) = lease::see(&store, &timing).await?.holder else {
        said(format!("Nobody has the lease of stack {stack}."));
        return ended(Exit::Done, Unlocked { broken: false, epoch: None, holder: None });
    };
    let unlocked = |broken: bool| Unlocked { broken, epoch: Some(holder.epoch), holder: Some(holder.to_string()) };
    if holder.epoch != arguments.epoch {
        return Err(CliError::invalid(format!("epoch {} is not the one that is held", arguments.epoch))
            .because(holder)
            .hint("make sure that it is dead before you name it"));
    }
    said(sentence(&escaped(&holder.to_string())));
    if !arguments.consent.yes {
        if !ui.interactive() {
            return Err(CliError::refused("nothing was changed: breaking a lease needs consent")
                .hint("a holder that lives would write beside the next one: make sure, then give `--yes`"));
        }
        let question = "\nIf it lives, it would write beside the next one. Break it?\nOnly `yes` is taken: ";
        if ui.ask(question)? != "yes" {
            ui.note("Nothing was changed.");
            return ended(Exit::Refused, unlocked(false));
        }
    }
    if lease::unlock(&store, &holder, &session.engine.caller.arn, &timing).await? {
        said(format!("Broke the lease of epoch {}.", holder.epoch));
        ended(Exit::Done, unlocked(true))
    } else {
        Err(CliError::new(Exit::Locked, "somebody else took the lease in this moment"))
    }
}
