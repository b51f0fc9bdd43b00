//! What `verify`, `doctor` and `coverage` share: the account is read, something is decided, and the answer is written.

use std::collections::BTreeSet;

use serde::Serialize;

use super::exit::{CliError, Exit};
use super::names::nearest;
use super::session::Session;
use crate::model::Scope;
use crate::model::duration::minutes;
use crate::model::json::pretty;
use crate::render::html::Origin;
use crate::render::sarif;
use crate::vss::Moment;
use crate::vss::evidence::Evidence;

/// How far back jobs are looked for.
pub(super) const JOBS: i64 = crate::vss::verify::HISTORY;

/// Returns the time by AWS's clock, which the answer to the first call told.
pub(super) fn now(session: &Session<'_>) -> Moment {
    let seconds = session.engine.clients.date() / 1_000;
    Moment::from_seconds(i64::try_from(seconds).unwrap_or_default())
}

/// Reads a moment, or how long ago it was.
pub(super) fn moment(text: &str, now: Moment, argument: &str) -> Result<Moment, CliError> {
    if let Ok(moment) = text.parse::<Moment>() {
        return Ok(moment);
    }
    match seconds(text, argument) {
        Ok(seconds) => Ok(now.plus(-seconds)),
        Err(error) => Err(error.hint("or a time like `2026-01-31T18:00:00Z`")),
    }
}

/// Reads a length of time.
pub(super) fn seconds(text: &str, argument: &str) -> Result<i64, CliError> {
    minutes::parse(text).map(|minutes| i64::from(minutes) * 60).map_err(|error| {
        let help = error.help();
        CliError::invalid(format!("`{argument}` is no length of time")).because(error).hint(help)
    })
}

/// Finds the instances that were named, by id or by the tag `Name`. Where the instances could not be read only ids do.
pub(super) fn named(evidence: &Evidence, names: &[String]) -> Result<BTreeSet<String>, CliError> {
    let mut found = BTreeSet::new();
    let Some(instances) = evidence.instances.known() else {
        return Ok(names.iter().cloned().collect());
    };
    for name in names {
        let ids: Vec<&str> = instances
            .iter()
            .filter(|instance| instance.id == *name || instance.name == *name)
            .map(|instance| instance.id.as_str())
            .collect();
        match ids.as_slice() {
            [] => {
                let known: Vec<String> =
                    instances.iter().flat_map(|instance| [instance.name.clone(), instance.id.clone()]).collect();
                let scope = &evidence.scope;
                let error = CliError::invalid(format!(
                    "there is no instance `{name}` in account {}, {}",
                    scope.account_id, scope.region
                ));
                return Err(match nearest(name, &known) {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint("name it by its id, or by its tag `Name`"),
                });
            }
            [id] => {
                found.insert((*id).to_owned());
            }
            several => {
                return Err(CliError::invalid(format!("{} instances are called `{name}`", several.len()))
                    .hint(format!("name one by its id: {}", several.join(", "))));
            }
        }
    }
    Ok(found)
}

/// Says where evidence is from.
pub(super) fn origin<'a>(session: &'a Session<'_>, evidence: &'a Evidence) -> Origin<'a> {
    let name = session.path.file_name().and_then(|name| name.to_str());
    Origin {
        scope: &evidence.scope,
        caller: &session.engine.caller.arn,
        file: name.unwrap_or("vss.toml"),
        digest: &session.engine.config.sha256,
        sandbox: session.sandbox,
    }
}

/// Says what a log for code scanning is of.
pub(super) fn sarif_origin<'a>(command: &'static str, file: &'a str, scope: &'a Scope) -> sarif::Origin<'a> {
    sarif::Origin { command, file, scope: Some(scope) }
}

/// Returns a value over several lines.
pub(super) fn written<T: Serialize>(value: &T) -> Result<String, CliError> {
    pretty(value).map_err(|error| CliError::failed("could not write the answer as JSON").because(error))
}

/// Says how the answer ends the run: what is wrong weighs more than what is unknown.
pub(super) fn exit(findings: bool, unknown: bool) -> Exit {
    match (findings, unknown) {
        (true, _) => Exit::Findings,
        (false, true) => Exit::Failed,
        (false, false) => Exit::Done,
    }
}
