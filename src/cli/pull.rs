//! `vssctl pull ADDR...`: from what is live into the file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::{Global, PullArguments};
use super::exit::{CliError, Exit};
use super::output::{found_of, there};
use super::session::Session;
use super::ui::Ui;
use super::{file, rewrite};
use crate::config::edit::{self, Edit};
use crate::config::entry::{self, References};
use crate::config::{self, Config, Shelf, ShelfError, formatting};
use crate::kind::Live;
use crate::model::hidden::{SHOWN, SHOWN_CHANGED};
use crate::model::safe::{SafeLines, escaped};
use crate::model::{Action, Address, FieldChange, KindId, Severity};
use crate::observe::LiveAccount;
use crate::plan::build::build;
use crate::plan::{Input, Options, Plan};
use crate::render::unified::unified;

/// Writes what is live of resources into their entries.
pub(super) async fn run(arguments: &PullArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let path = file::find(global)?;
    rewrite::check(&path)?;
    let session = Session::open(global, ui).await?;
    let addresses = session.addresses(&arguments.addresses)?;
    let (_, live) = session.plan(&Options::default()).await?;
    let (bytes, text) = config::read_written(&path)
        .map_err(|_| CliError::failed(format!("`{}` can't be read any more", escaped(&path.display().to_string()))))?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut pull = Pull { path: &path, folder, texts: BTreeMap::from([(MAIN.to_owned(), text.clone())]), live: &live };
    for address in &addresses {
        let resource = there(address, found_of(&live, address), &session)?;
        pull.take(address, resource)?;
    }
    let mut changed = Vec::new();
    for (name, after) in &pull.texts {
        let (shown, before) = if name == MAIN { (path.clone(), bytes.clone()) } else { pull.document(name)? };
        if before != after.as_bytes() {
            changed.push((shown, before, after.clone()));
        }
    }
    if changed.is_empty() {
        ui.note("Nothing to pull: the file says what is live.");
        return Ok(Exit::Done);
    }
    lost(&text, &pull.texts[MAIN], ui);
    for (path, before, after) in &changed {
        let before = String::from_utf8_lossy(before);
        let (before, after) = (formatting::for_people(&before), formatting::for_people(after));
        ui.answer(&SafeLines(&unified(&escaped(&path.display().to_string()), &before, &after)).to_string());
    }
    if arguments.dry_run {
        return Ok(Exit::Done);
    }
    for (path, before, after) in &changed {
        rewrite::replace(path, before, after.as_bytes())?;
        ui.note(&format!("Wrote {}.", escaped(&path.display().to_string())));
    }
    Ok(Exit::Done)
}

/// The name of the configuration on the shelf.
const MAIN: &str = "vss.toml";

/// A file on its way to what is live.
struct Pull<'a> {
    path: &'a Path,
    folder: PathBuf,
    /// The texts that are edited: the configuration, and policy files by their names in it.
    texts: BTreeMap<String, String>,
    live: &'a LiveAccount,
}

/// What the planner says of one state of the texts.
struct Judged {
    config: Config,
    plan: Plan,
}

impl Pull<'_> {
    /// Edits the texts until the plan has no difference for a resource, and no more than that.
    fn take(&mut self, address: &Address, live: &Live) -> Result<(), CliError> {
        let before = self
            .judged(&self.texts)
            .map_err(|why| CliError::failed(format!("the file is not valid any more: {why}")))?;
        if open(&before.plan, address).is_empty() {
            return Ok(());
        }
        let names = names(address);
        let references = References::of(&before.config.scope, &before.config.desired);
        let wanted = entry::of(&before.config.scope, address.kind(), &live.fields, &references);
        let own = edit::own(&self.texts[MAIN], &names);
        let mut edits = edit::edits(&own, &wanted.table);
        // What a default, a preset or a base says goes only where the entry says that there is none.
        for field in open(&before.plan, address).iter().filter(|field| field.before.is_null()) {
            let way: Vec<String> = field.path.split('.').map(ToOwned::to_owned).collect();
            let is_own = edits.iter().any(|edit| edit.way == way);
            if let Some(none) = none_of(&field.after).filter(|_| !is_own && way.len() == 1) {
                edits.push(Edit { way, value: Some(none), file: None });
            }
        }
        let good = |judged: &Judged| {
            open(&judged.plan, address).is_empty() && is_no_worse(&before.plan, &judged.plan, address)
        };
        let attempt = |edits: &[Edit]| -> Option<BTreeMap<String, String>> {
            let texts = self.edited(&names, edits)?;
            self.judged(&texts).ok().filter(|judged| good(judged)).map(|_| texts)
        };
        if attempt(&edits).is_none() {
            // A policy file may be another entry's too: then the document moves into this one.
            for edit in &mut edits {
                edit.file = None;
            }
        }
        if attempt(&edits).is_none() {
            return Err(self.refused(address, &names, &edits, &wanted.unsaid));
        }
        let mut at = 0;
        while at < edits.len() {
            let fewer: Vec<Edit> = edits[..at].iter().chain(&edits[at + 1..]).cloned().collect();
            if attempt(&fewer).is_some() { edits = fewer } else { at += 1 }
        }
        if let Some(texts) = attempt(&edits) {
            self.texts = texts;
        }
        Ok(())
    }

    /// Says what the entry can't be made to say.
    fn refused(&self, address: &Address, names: &[String], edits: &[Edit], unsaid: &[String]) -> CliError {
        let error = CliError::refused(format!("`{address}` can't be made to say what is live: nothing was written"));
        let error = match self.edited(names, edits).map(|texts| self.judged(&texts)) {
            None => error.hint("no single value of its text can be edited: try `vssctl fmt` first"),
            Some(Err(why)) => error.hint(format!("the entry would not be valid: {why}")),
            Some(Ok(judged)) => {
                let left = open(&judged.plan, address);
                let error = if left.is_empty() { error.hint("other entries would change with it") } else { error };
                left.iter().take(20).fold(error, |error, field| {
                    let path = escaped(&field.path);
                    let is_hidden = field.after == SHOWN || field.after == SHOWN_CHANGED;
                    let why = if is_hidden {
                        "nobody is shown its value, so write it by hand"
                    } else {
                        "it may come from `[tags]`, a default or a base"
                    };
                    error.hint(format!("`{path}` would still differ: {why}"))
                })
            }
        };
        unsaid.iter().fold(error, |error, clause| error.hint(clause.clone()))
    }

    fn edited(&self, names: &[String], edits: &[Edit]) -> Option<BTreeMap<String, String>> {
        let mut texts = self.texts.clone();
        let own = edits.iter().filter(|edit| edit.file.is_none());
        texts.insert(MAIN.to_owned(), edit::apply(&self.texts[MAIN], names, own)?);
        for edit in edits {
            if let (Some(name), Some(toml::Value::String(text))) = (&edit.file, &edit.value) {
                texts.insert(name.clone(), text.clone());
            }
        }
        Some(texts)
    }

    /// Loads the texts and plans with what was read.
    fn judged(&self, texts: &BTreeMap<String, String>) -> Result<Judged, String> {
        let edited = Edited { folder: self.folder.clone(), texts: texts.clone() };
        let loaded = config::load_shelf(&self.path.display().to_string(), MAIN, Arc::new(edited));
        let Some(config) = loaded.config else {
            let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
            return Err(errors.map(|one| escaped(&one.message)).collect::<Vec<_>>().join("; "));
        };
        let live = self.live;
        let plan = build(&Input {
            scope: &config.scope,
            config_sha256: &config.sha256,
            desired: &config.desired,
            live: &live.kinds,
            installed: &live.installed,
            references: &live.references,
            others: &live.others,
            quotas: &live.quotas,
            options: &Options::default(),
        });
        Ok(Judged { config, plan })
    }

    /// Returns the path and the bytes of a policy file.
    fn document(&self, name: &str) -> Result<(PathBuf, Vec<u8>), CliError> {
        let path = self.folder.join(name);
        let bytes = fs::read(&path).map_err(|error| {
            CliError::failed(format!("could not read `{}`", escaped(&path.display().to_string()))).because(error)
        })?;
        Ok((path, bytes))
    }
}

/// Returns the keys that lead to the entry of an address.
fn names(address: &Address) -> Vec<String> {
    let names: Vec<&str> = match (address.kind(), address.parent_key()) {
        (KindId::Selection, Some(plan)) => vec!["plan", plan, "selection", address.last()],
        _ if address.key().is_empty() => vec![address.kind().name()],
        _ => vec![address.kind().name(), address.key()],
    };
    names.into_iter().map(ToOwned::to_owned).collect()
}

/// Returns the differences of a resource, without those of its marks. What the plan does otherwise counts as one.
fn open(plan: &Plan, address: &Address) -> Vec<FieldChange> {
    let change = plan.changes.iter().find(|change| change.address == *address);
    let fields = change.into_iter().flat_map(|change| &change.fields);
    fields.filter(|field| !field.path.starts_with("tags.vssctl:")).cloned().collect()
}

/// Tells whether a plan does to all other resources what it did before, or less.
fn is_no_worse(before: &Plan, after: &Plan, address: &Address) -> bool {
    let harmless = |action: Action| matches!(action, Action::NoOp);
    after.changes.iter().filter(|change| change.address != *address).all(|change| {
        let old = before.changes.iter().find(|old| old.address == change.address);
        harmless(change.action)
            || old.is_some_and(|old| {
                let known = |field: &FieldChange| {
                    old.fields.iter().any(|old| old.path == field.path && old.after == field.after)
                };
                old.action == change.action && change.fields.iter().all(known)
            })
    })
}

/// Returns what says "none" in the place of a value.
fn none_of(value: &serde_json::Value) -> Option<toml::Value> {
    match value {
        serde_json::Value::String(_) => Some("".into()),
        serde_json::Value::Array(_) => Some(toml::Value::Array(Vec::new())),
        serde_json::Value::Object(_) => Some(toml::Table::new().into()),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => None,
    }
}

/// Names the comments that stood in what was replaced.
fn lost(before: &str, after: &str, ui: &Ui) {
    let mut kept = formatting::comments(after);
    for comment in formatting::comments(before) {
        match kept.iter().position(|kept| *kept == comment) {
            Some(at) => drop(kept.remove(at)),
            None => ui.warn(&format!("a comment goes with what it stood in: {}", escaped(&comment))),
        }
    }
}

/// The folder of the configuration, with some of its files edited.
struct Edited {
    folder: PathBuf,
    texts: BTreeMap<String, String>,
}

impl Shelf for Edited {
    fn read(&self, path: &str) -> Result<Vec<u8>, ShelfError> {
        if let Some(text) = self.texts.get(path) {
            return Ok(text.clone().into_bytes());
        }
        let unreadable = |error: std::io::Error| ShelfError::Unreadable(format!("cannot be read: {error}"));
        let path = self.folder.join(path);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => fs::read(path).map_err(unreadable),
            Ok(_) => Err(ShelfError::NoFile("is not a regular file")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(ShelfError::Missing),
            Err(error) => Err(unreadable(error)),
        }
    }
}
