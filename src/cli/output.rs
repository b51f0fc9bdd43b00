//! `vssctl output [ADDR[.FIELD]]`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::arguments::{Global, OutputArguments};
use super::exit::{CliError, Exit};
use super::session::Session;
use super::ui::Ui;
use crate::kind::{Desired, Found, Live};
use crate::model::safe::escaped;
use crate::model::{Address, json};
use crate::observe::LiveAccount;
use crate::render::output::{at, is_hidden, outputs, ways};

/// Prints one value of what is live, all of one resource, or all of all.
pub(super) async fn run(arguments: &OutputArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let mut session = Session::open(global, ui).await?;
    let asked = arguments.name.as_deref().map(|text| split(&session, text)).transpose()?;
    if let Some((address, _)) = &asked {
        needed(&mut session.engine.config.desired, address);
    }
    let live = session.refresh().await;
    match asked {
        Some((address, way)) => {
            let found = found_of(&live, &address);
            let resource = there(&address, found, &session)?;
            let all = Value::from(outputs(address.kind(), resource));
            if way.is_empty() {
                return whole(&[(address, all)], arguments.json, ui);
            }
            one(&address, &all, &way, arguments.json, ui)
        }
        None => every(&session, &live, arguments.json, ui),
    }
}

/// Finds the resource that a text begins with: the longest address of the file that fits.
fn split(session: &Session<'_>, text: &str) -> Result<(Address, String), CliError> {
    let fitting = session.engine.config.desired.iter().filter_map(|desired| {
        let rest = text.strip_prefix(&desired.address.to_string())?;
        let way = if rest.is_empty() { "" } else { rest.strip_prefix('.').filter(|way| !way.is_empty())? };
        Some((desired.address.clone(), way.to_owned()))
    });
    fitting.min_by_key(|(_, way)| way.len()).ok_or_else(|| session.unknown(text))
}

/// Keeps the entry of a resource, and those that it needs: the others are not read.
fn needed(desired: &mut Vec<Desired>, address: &Address) {
    let mut wanted = BTreeSet::from([address.clone()]);
    loop {
        let more: BTreeSet<Address> = desired
            .iter()
            .filter(|one| wanted.contains(&one.address))
            .flat_map(|one| one.references.iter().cloned())
            .chain(wanted.iter().cloned())
            .collect();
        if more.len() == wanted.len() {
            break;
        }
        wanted = more;
    }
    desired.retain(|one| wanted.contains(&one.address));
}

/// Returns what was found of a resource.
pub(super) fn found_of<'l>(live: &'l LiveAccount, address: &Address) -> &'l Found {
    live.kinds.iter().find_map(|(_, live)| live.found.get(address)).unwrap_or(&Found::Absent)
}

/// Returns what is live, or why there is no value.
pub(super) fn there<'l>(address: &Address, found: &'l Found, session: &Session<'_>) -> Result<&'l Live, CliError> {
    let same = &session.options_of_same;
    match found {
        Found::Live(live) => Ok(live),
        Found::Absent => Err(CliError::failed(format!("`{address}` is not there yet: it has no values"))
            .hint(format!("`vssctl{same} apply` makes it"))),
        Found::Unknown { action, message } => {
            Err(CliError::failed(format!("`{address}` could not be read: {}", escaped(message)))
                .hint(format!("allow `{}` to the credentials in use", escaped(action))))
        }
        Found::Ambiguous { ids } => {
            Err(CliError::failed(format!("`{address}` fits several live resources: {}", escaped(&ids.join(", "))))
                .hint(format!("`vssctl{same} plan` says more")))
        }
    }
}

/// Prints one value: a text as it is, so that a script can use it, and everything else as JSON.
fn one(address: &Address, all: &Value, way: &str, as_json: bool, ui: &Ui) -> Result<Exit, CliError> {
    let Some(value) = at(all, way) else {
        let known = ways(all);
        let error = CliError::invalid(format!("`{address}` has no `{}`", escaped(way)));
        let top: Vec<String> = all.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let error = match close(way, &known) {
            Some(near) => error.hint(format!("did you mean `{address}.{near}`?")),
            None => error,
        };
        return Err(error.hint(format!("it has {}", every_name(&top))));
    };
    if is_hidden(value) {
        return Err(CliError::refused(format!("`{address}.{}` is a value that nobody is shown", escaped(way))));
    }
    match value {
        Value::String(text) if !as_json => ui.data(&format!("{text}\n")),
        value => ui.data(&written(value)?),
    }
    Ok(Exit::Done)
}

/// Finds the way that was probably meant: one with a slip in it.
fn close<'k>(way: &str, known: &'k [String]) -> Option<&'k String> {
    let slips = |known: &String| strsim::osa_distance(way, known);
    known.iter().min_by_key(|known| slips(known)).filter(|known| slips(known) <= (way.len() / 4).max(1))
}

/// Names all that a resource has: there are never many.
fn every_name(names: &[String]) -> String {
    names.iter().map(|name| format!("`{}`", escaped(name))).collect::<Vec<_>>().join(", ")
}

/// Prints everything that the file's resources have. What is not there or could not be read is said.
fn every(session: &Session<'_>, live: &LiveAccount, as_json: bool, ui: &Ui) -> Result<Exit, CliError> {
    let mut all = Vec::new();
    let mut unread = false;
    for desired in &session.engine.config.desired {
        let address = &desired.address;
        match there(address, found_of(live, address), session) {
            Ok(resource) => all.push((address.clone(), Value::from(outputs(address.kind(), resource)))),
            Err(error) => {
                unread |= !matches!(found_of(live, address), Found::Absent);
                ui.warn(&escaped(&error.to_string()));
            }
        }
    }
    whole(&all, as_json, ui)?;
    Ok(if unread { Exit::Failed } else { Exit::Done })
}

/// Prints all values: a line for each, or JSON by address.
fn whole(all: &[(Address, Value)], as_json: bool, ui: &Ui) -> Result<Exit, CliError> {
    if as_json {
        let map: Map<String, Value> = all.iter().map(|(address, value)| (address.to_string(), value.clone())).collect();
        ui.data(&written(&Value::from(map))?);
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for (address, value) in all {
        lines(&mut text, &address.to_string(), value);
    }
    ui.answer(&text);
    Ok(Exit::Done)
}

fn lines(text: &mut String, way: &str, value: &Value) {
    match value {
        Value::Object(members) if !is_hidden(value) && !members.is_empty() && !is_document(members) => {
            for (name, value) in members {
                lines(text, &format!("{way}.{name}"), value);
            }
        }
        value => {
            let _ = writeln!(text, "{} = {}", escaped(way), escaped(&value.to_string()));
        }
    }
}

/// Tells whether a value is a policy document, which is one value to a script.
fn is_document(members: &Map<String, Value>) -> bool {
    members.contains_key("Statement")
}

fn written(value: &Value) -> Result<String, CliError> {
    json::pretty(value).map_err(|error| CliError::failed("could not write the value as JSON").because(error))
}
