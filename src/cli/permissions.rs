//! `vssctl permissions`.

use crate::model::json;
use serde_json::{Value, json};

use super::arguments::{Global, PermissionsArguments, PermissionsPurpose, TrustPlatform};
use super::exit::{CliError, Exit};
use super::session;
use super::ui::Ui;
use crate::permissions::{Facts, Place, Platform, Purpose, documents, trust};

/// Prints the least IAM policies for the file: a JSON array of documents, or one of them; with a trust policy, an
/// object of both. Asks AWS nothing.
pub(super) fn run(arguments: &PermissionsArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let config = session::load(global, ui)?.config;
    let purpose = match arguments.purpose {
        PermissionsPurpose::Plan => Purpose::Plan,
        PermissionsPurpose::Apply => Purpose::Apply,
        PermissionsPurpose::Verify => Purpose::Verify,
        PermissionsPurpose::Backup => Purpose::Backup,
    };
    let all = documents(purpose, &Facts::of(&config.scope, &config.desired, arguments.prune));
    let answer = match (arguments.trust, arguments.part) {
        (Some(platform), _) => {
            let platform = match platform {
                TrustPlatform::Github => Platform::Github,
                TrustPlatform::Gitlab => Platform::Gitlab,
                TrustPlatform::Codebuild => Platform::Codebuild,
            };
            let place = Place {
                repo: arguments.repo.as_deref().unwrap_or_default(),
                environment: arguments.environment.as_deref(),
                branch: arguments.branch.as_deref(),
            };
            let trust = trust(platform, purpose, &place, &config.scope)
                .map_err(|error| CliError::invalid("there is no trust policy for that").because(error))?;
            json!({ "policies": all, "trust": trust })
        }
        (None, None) => Value::from(all),
        (None, Some(part)) => chosen(all, part)?,
    };
    let text = json::pretty(&answer)
        .map_err(|error| CliError::failed("could not write the policies as JSON").because(error))?;
    ui.answer(&text);
    Ok(Exit::Done)
}

/// Takes one document, counted from one.
fn chosen(mut all: Vec<Value>, part: u32) -> Result<Value, CliError> {
    let index = usize::try_from(part).unwrap_or(usize::MAX) - 1;
    if index < all.len() {
        return Ok(all.swap_remove(index));
    }
    let error = CliError::invalid(format!("there is no part {part}"));
    Err(match all.len() {
        1 => error.hint("everything fits into one document: `--part 1`"),
        parts => error.hint(format!("there are {parts}: `--part 1` to `--part {parts}`")),
    })
}
