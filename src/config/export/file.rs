//! The text of the file: entries with their keys, what is said above each, and the documents that stand beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::{Table, Value as Toml};

use super::check::{Verdict, judge};
use super::{Account, Resource};
use crate::config::entry::{self, Keys, References};
use crate::config::layout;
use crate::kind::Owner;
use crate::kinds;
use crate::kinds::restore_test::aws_name;
use crate::model::safe::escaped;
use crate::model::{Address, KindId};

/// Where policy documents stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Documents {
    /// In the file.
    Inline,
    /// Long ones in files of their own below `policies/`.
    Beside,
}

/// Something that the file does not say as it is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The entry.
    pub address: Address,
    /// A sentence about it without its end.
    pub what: String,
    /// The entry stands in the file as a comment only.
    pub is_out: bool,
}

/// The file that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its text.
    pub text: String,
    /// Documents beside it: the path from the file's folder, and the text.
    pub files: Vec<(String, String)>,
    /// What it does not say.
    pub gaps: Vec<Gap>,
    /// The arguments of `adopt` that take over what it declares.
    pub adopt: Vec<String>,
    /// The entries that stand in it.
    pub entries: usize,
}

/// A document of more lines stands in a file of its own.
const LONG: usize = 20;

/// The reason that an entry gives for a lint of a live document.
const REASON: &str = "live when it was exported";

/// What is decided of an entry, from round to round.
#[derive(Clone, Debug, Default)]
pub(super) struct Ruling {
    /// The reasons for which it stands as a comment.
    pub(super) out: Vec<String>,
    /// The lints that it allows.
    pub(super) allow: BTreeSet<String>,
    /// The keys that are left out, each with the reason.
    pub(super) dropped: BTreeMap<String, String>,
}

/// One entry with its place.
pub(super) struct Placed<'a> {
    pub(super) resource: &'a Resource,
    pub(super) address: Address,
    /// The names that lead to its table.
    pub(super) names: Vec<String>,
}

/// A text with the lines (from 1) of each entry.
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) lines: Vec<(Range<usize>, usize)>,
    gaps: Vec<Gap>,
}

/// Returns the address that each resource has in the file, in the order of the account's.
pub fn addresses(account: &Account) -> Vec<Address> {
    placed(account).into_iter().map(|one| one.address).collect()
}

/// Writes the file of what was read.
pub fn file(account: &Account, documents: Documents) -> Written {
    let placed = placed(account);
    let mut rulings = vec![Ruling::default(); placed.len()];
    // Each round takes something out of the file, or is the last.
    loop {
        let draft = draft(account, &placed, &rulings, &mut Shelf::new(Documents::Inline));
        match judge(&draft, &placed, &mut rulings) {
            Verdict::Changed => take_children_out(&placed, &mut rulings),
            Verdict::Settled => break,
        }
    }
    let mut shelf = Shelf::new(documents);
    let draft = draft(account, &placed, &rulings, &mut shelf);
    let stands = |index: usize| rulings[index].out.is_empty();
    let adopted = placed.iter().enumerate().filter(|(index, one)| stands(*index) && one.resource.is_adopted());
    Written {
        text: draft.text,
        files: shelf.files,
        gaps: draft.gaps,
        adopt: adopted.map(|(_, one)| adoption(account, one)).collect(),
        entries: (0..placed.len()).filter(|index| stands(*index)).count(),
    }
}

/// Returns the argument of `adopt` for an entry. What its name does not tell from others is named by its id.
fn adoption(account: &Account, placed: &Placed<'_>) -> String {
    let Placed { resource, address, .. } = placed;
    let has_id = matches!(resource.kind, KindId::Package | KindId::Plan);
    if has_id && (account.shared.contains(&resource.id) || resource.live.name.is_empty()) {
        format!("{address}={}", resource.id)
    } else {
        address.to_string()
    }
}

/// Gives each resource its key. What is the stack's already keeps the one that it is marked with.
fn placed(account: &Account) -> Vec<Placed<'_>> {
    let mut tables: BTreeMap<(KindId, String), Keys> = BTreeMap::new();
    let mut keys: BTreeMap<usize, String> = BTreeMap::new();
    let mut order: Vec<(usize, &Resource)> = account.resources.iter().enumerate().collect();
    // Keys that are given already go first, then those that names are, so that no other name takes them.
    order.sort_by_key(|(index, one)| (marked(one).is_none(), !entry::is_key(&wanted(one)), *index));
    for (index, resource) in order {
        let table = tables.entry((resource.kind, resource.plan_id().unwrap_or_default().to_owned())).or_default();
        let wanted = marked(resource).unwrap_or_else(|| wanted(resource));
        keys.insert(index, table.give(&wanted));
    }
    let plan_key = |id: &str| {
        let plan = account.resources.iter().position(|one| one.kind == KindId::Plan && one.id == id);
        plan.and_then(|index| keys.get(&index)).cloned().unwrap_or_default()
    };
    let place = |(index, resource): (usize, &'_ Resource)| {
        let (kind, key) = (resource.kind, keys[&index].clone());
        let (key, names) = match (kind, resource.plan_id()) {
            (_, Some(plan)) => {
                let plan = plan_key(plan);
                let names = vec![KindId::Plan.name().to_owned(), plan.clone(), kind.name().to_owned(), key.clone()];
                (format!("{plan}.{key}"), names)
            }
            (KindId::RegionSettings, None) => (String::new(), vec![kind.name().to_owned()]),
            (_, None) => (key.clone(), vec![kind.name().to_owned(), key]),
        };
        Placed { resource: &account.resources[index], address: Address::new(kind, key), names }
    };
    account.resources.iter().enumerate().map(place).collect()
}

/// Returns the key that a resource of the stack is marked with.
fn marked(resource: &Resource) -> Option<String> {
    match &resource.live.owner {
        Owner::Ours(Some(address)) if address.kind() == resource.kind => Some(address.last().to_owned()),
        _ => None,
    }
}

/// Returns the text that a key is made of.
fn wanted(resource: &Resource) -> String {
    let name = resource.live.name.as_str();
    let package = || resource.live.fields.get("package_name").and_then(serde_json::Value::as_str).unwrap_or_default();
    match resource.kind {
        // Its entry's name is `vssctl-KEY` unless it gives another.
        KindId::Package => name
            .strip_prefix("vssctl-")
            .filter(|key| entry::is_key(key))
            .map_or_else(|| package().rsplit('/').next().unwrap_or_default().to_owned(), str::to_owned),
        _ => name.to_owned(),
    }
}

/// Takes the selections of plans out that are out.
fn take_children_out(placed: &[Placed<'_>], rulings: &mut [Ruling]) {
    for index in 0..placed.len() {
        let Some(plan) = placed[index].resource.plan_id() else { continue };
        let is_out = |(other, parent): (usize, &Placed<'_>)| {
            parent.resource.kind == KindId::Plan && parent.resource.id == plan && !rulings[other].out.is_empty()
        };
        if rulings[index].out.is_empty() && placed.iter().enumerate().any(is_out) {
            rulings[index].out.push("its plan stands in the file as a comment".to_owned());
        }
    }
}

/// Writes the text.
fn draft(account: &Account, placed: &[Placed<'_>], rulings: &[Ruling], shelf: &mut Shelf) -> Draft {
    let mut references = References::default();
    for (one, _) in placed.iter().zip(rulings).filter(|(_, ruling)| ruling.out.is_empty()) {
        let path = one.resource.live.fields.get("path").and_then(serde_json::Value::as_str);
        let path = path.unwrap_or(&account.scope.iam_path);
        references.add(&account.scope, one.resource.kind, path, &one.resource.live.name, one.address.key());
    }
    for (kind, name, arn) in &account.arns {
        references.add_arn(*kind, name, arn);
    }
    let mut text = String::new();
    let scope = &account.scope;
    let from = format!("Written by `vssctl export` from account {}, {}.", scope.account_id, scope.region);
    layout::comment(&mut text, &escaped(&from));
    layout::comment(
        &mut text,
        "`vssctl adopt` takes over what is not this stack's yet; `vssctl plan` shows what differs.",
    );
    text.push('\n');
    text.push_str(&layout::stack(scope));
    let (mut lines, mut gaps) = (Vec::new(), Vec::new());
    // Selections stand below their plan.
    let mut order: Vec<usize> = (0..placed.len()).collect();
    let rank = |kind: KindId| if kind == KindId::Selection { KindId::Plan.rank() } else { kind.rank() };
    order.sort_by_key(|index| {
        let one = &placed[*index];
        (rank(one.resource.kind), one.names.get(1).cloned(), one.names.len(), one.names.get(3).cloned())
    });
    for index in order {
        let (one, ruling) = (&placed[index], &rulings[index]);
        let entry = entry::of(scope, one.resource.kind, &one.resource.live.fields, &references);
        text.push('\n');
        for gap in self::gaps(one, ruling, &entry.unsaid) {
            layout::comment(&mut text, &format!("{}.", capital(&gap.what)));
            gaps.push(gap);
        }
        for remark in remarks(one.resource) {
            layout::comment(&mut text, &remark);
        }
        let is_out = !ruling.out.is_empty() || !entry.unsaid.is_empty();
        let table = table(one, ruling, &entry.table, if is_out { None } else { Some(&mut *shelf) });
        let body = layout::entry(&one.names, &table);
        if ruling.out.is_empty() {
            let first = text.lines().count() + 1;
            text.push_str(&body);
            lines.push((first..text.lines().count() + 1, index));
        } else {
            body.lines().for_each(|line| layout::comment(&mut text, line));
        }
    }
    Draft { text, lines, gaps }
}

/// Says what is not in an entry.
fn gaps(one: &Placed<'_>, ruling: &Ruling, unsaid: &[String]) -> Vec<Gap> {
    let gap = |what: String, is_out: bool| Gap { address: one.address.clone(), what: escaped(&what), is_out };
    let out = ruling.out.iter().map(|why| gap(format!("{why}: it stands here as a comment"), true));
    let dropped =
        ruling.dropped.iter().map(|(key, why)| gap(format!("`{key}` is left out and stays as it is: {why}"), false));
    let beside = kinds::of(one.resource.kind).unsaid(&one.resource.live);
    let said =
        beside.into_iter().map(|what| gap(format!("the file has no words for {what}, which stays as it is"), false));
    let unsaid = unsaid.iter().map(|what| gap(format!("the file has no words for it: {what}"), !ruling.out.is_empty()));
    out.chain(dropped).chain(unsaid).chain(said).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Says what a reader has to know of an entry besides.
fn remarks(resource: &Resource) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Owner::CloudFormation(stack) = &resource.live.owner {
        remarks.push(format!("The CloudFormation stack `{}` made it: adopt it with consent.", escaped(stack)));
    }
    if resource.live.fields.get("lock").is_some_and(|lock| lock["mode"] == "compliance") {
        remarks.push("AWS does not tell the grace time of a lock: `changeable_for` is no difference.".to_owned());
    }
    remarks
}

/// Completes the table of an entry with its name and what steers vssctl.
fn table(one: &Placed<'_>, ruling: &Ruling, live: &Table, shelf: Option<&mut Shelf>) -> Table {
    let mut table = Table::new();
    let (kind, name) = (one.resource.kind, &one.resource.live.name);
    let key = one.address.last();
    let is_named = !matches!(kind, KindId::RegionSettings | KindId::Attachment) && !name.is_empty();
    if is_named && kinds::of(kind).default_name(key) != *name {
        table.insert("name".to_owned(), name.as_str().into());
    }
    let is_same_package = |(word, value): &(&String, &Toml)| {
        kind == KindId::Package && *word == "package_name" && value.as_str() == Some(key)
    };
    let kept = live.iter().filter(|row| !is_same_package(row) && !ruling.dropped.contains_key(row.0));
    table.extend(kept.map(|(word, value)| (word.clone(), value.clone())));
    put_overrides(&mut table, one.resource);
    if !ruling.allow.is_empty() {
        let rows = ruling.allow.iter().map(|code| {
            let row = [("code".to_owned(), code.as_str().into()), ("reason".to_owned(), REASON.into())];
            Toml::from(row.into_iter().collect::<Table>())
        });
        table.insert("allow".to_owned(), rows.collect::<Vec<Toml>>().into());
    }
    if let Some(shelf) = shelf {
        shelf.put_beside(&one.address, &mut table);
    }
    table
}

/// Adds what the selections of a restore testing plan restore with.
fn put_overrides(table: &mut Table, resource: &Resource) {
    let selections = table.get_mut("selection").and_then(Toml::as_table_mut);
    for (key, selection) in selections.into_iter().flat_map(|it| it.iter_mut()) {
        let Some(selection) = selection.as_table_mut() else { continue };
        let name = selection.get("name").and_then(Toml::as_str).map_or_else(|| aws_name(key), str::to_owned);
        if let Some(overrides) = resource.overrides.get(&name) {
            let rows: Table = overrides.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
            selection.insert("overrides".to_owned(), rows.into());
        }
    }
}

/// The documents that stand beside the file.
pub(super) struct Shelf {
    documents: Documents,
    files: Vec<(String, String)>,
    taken: BTreeSet<String>,
}

impl Shelf {
    fn new(documents: Documents) -> Self {
        Self { documents, files: Vec::new(), taken: BTreeSet::new() }
    }

    /// Puts the long documents of an entry into files.
    fn put_beside(&mut self, address: &Address, table: &mut Table) {
        if self.documents == Documents::Inline {
            return;
        }
        for word in ["trust", "document", "access_policy"] {
            if let Some(value) = table.get_mut(word) {
                let name = if word == "document" { address.to_string() } else { format!("{address}-{word}") };
                self.put(&name, value);
            }
        }
        let inline = table.get_mut("inline_policies").and_then(Toml::as_table_mut);
        for (policy, value) in inline.into_iter().flat_map(|it| it.iter_mut()) {
            self.put(&format!("{address}-{policy}"), value);
        }
    }

    fn put(&mut self, name: &str, value: &mut Toml) {
        let Some(text) = value.as_str().filter(|text| text.lines().count() > LONG) else { return };
        let text = text.to_owned();
        let plain = entry::key_of(name);
        // Some file systems take names for the same that differ in case only.
        let mut names = std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}-{number}")));
        let name = names.find(|name| self.taken.insert(name.to_lowercase())).expect("there is always another number");
        let path = format!("policies/{name}.json");
        *value = Toml::from([("file".to_owned(), path.as_str().into())].into_iter().collect::<Table>());
        self.files.push((path, text));
    }
}
