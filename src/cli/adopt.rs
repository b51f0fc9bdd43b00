//! `vssctl adopt ADDR...`.

use super::apply::{Command, carry_out};
use super::arguments::{AdoptArguments, Global};
use super::exit::{CliError, Exit};
use super::session::Session;
use super::ui::Ui;
use crate::engine::Reviewed;
use crate::plan::Options;
use crate::render::text::Detail;

/// Writes this stack's marks on live resources that have no owner, and changes nothing else.
pub(super) async fn run(arguments: &AdoptArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let (addresses, adopt_ids) = session.adoptions(&arguments.addresses)?;
    let options = Options { targets: addresses.clone(), adopt: addresses, adopt_ids, ..Options::default() };
    let question = format!("Take these over in {}?\nOnly `yes` is taken: ", session.place());
    let command = Command {
        operation: "adopt",
        detail: Detail::Brief,
        consent: arguments.consent,
        locking: arguments.locking,
        json: arguments.json,
        parallelism: arguments.parallelism,
        question: (&question, "yes"),
        nothing: Some("Nothing to adopt: it is this stack's already."),
        destroys: false,
        consents: &session.consents(&arguments.allowing.allow),
        reviewed: Reviewed::No,
    };
    carry_out(&session, &options, &command).await
}
