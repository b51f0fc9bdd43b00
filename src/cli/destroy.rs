//! `vssctl destroy`.

use super::apply::{Command, carry_out};
use super::arguments::{DestroyArguments, Global};
use super::exit::{CliError, Exit};
use super::session::Session;
use super::ui::Ui;
use crate::engine::Reviewed;
use crate::model::safe::escaped;
use crate::plan::Options;
use crate::render::text::Detail;

/// Deletes what this stack owns, in order.
pub(super) async fn run(arguments: &DestroyArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let options = Options { destroy: true, ..session.options(&arguments.scoping, None)? };
    let scope = &session.engine.config.scope;
    let stack = escaped(&scope.stack);
    let question = format!("Delete all of it from {}?\nOnly the stack's name, `{stack}`, is taken: ", session.place());
    let nothing = if arguments.scoping.target.is_empty() {
        format!("Nothing to destroy: stack {stack} owns nothing.")
    } else {
        "Nothing to destroy: none of the targets is there.".to_owned()
    };
    let command = Command {
        operation: "destroy",
        detail: Detail::Brief,
        consent: arguments.consent,
        locking: arguments.locking,
        json: arguments.json,
        parallelism: arguments.scoping.parallelism,
        question: (&question, &scope.stack),
        nothing: Some(&nothing),
        destroys: true,
        consents: &session.consents(&arguments.allowing.allow),
        reviewed: Reviewed::No,
    };
    carry_out(&session, &options, &command).await
}
