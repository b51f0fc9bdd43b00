//! From a path or a text to a configuration, with every problem on the way.

use crate::model::Thresholds;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use sha2::{Digest, Sha256};
use toml::de::DeTable;

use crate::kind::Desired;
use crate::model::{Diagnostic, Diagnostics, Hidden, Location, Scope};

use super::context::Context;
use super::folder::{Documents, Folder, Shelf};
use super::foreign;
use super::problems::{Problems, safe};
use super::read::unreadable;
use super::sizes::{check_entries, too_large};
use super::spec::SECTIONS;
use super::stack::{stack, stack_tags};
use super::tree::{Node, Tree, fill, overlay};
use super::{consent, limits, read, resolve, structure};
use crate::model::consent::Consent;
use crate::model::source::{Place, Sources};

/// The result of loading a file.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration; none if there is an error.
    pub config: Option<Config>,
    /// Errors and warnings, in the order of their places.
    pub diagnostics: Diagnostics,
    /// The texts that were read.
    pub sources: Sources,
}

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Config {
    /// What a run is bound to.
    pub scope: Scope,
    /// The resources that shall exist, sorted by kind (in the order of plans) and address.
    pub desired: Vec<Desired>,
    /// SHA-256 of all files read, hexadecimal.
    pub sha256: String,
    /// How much one run may delete without consent.
    pub thresholds: Thresholds,
    /// The values that nobody is shown.
    pub hidden: Hidden,
    /// What the file consents to, its time not yet looked at.
    pub consents: Vec<Consent>,
}

/// Reads and checks a configuration file.
pub fn load(path: &Path) -> Loaded {
    match read::configuration(path, limits::FILE) {
        Ok(text) => load_text(&path.display().to_string(), &text, Some(path.parent().unwrap_or(Path::new("")))),
        Err(failed) => unread(path, failed),
    }
}

/// Reads the bytes of a configuration file under the rules of [`load`], and the text that they are.
///
/// # Errors
/// What [`load`] says of a file that it can't read.
pub fn read_written(path: &Path) -> Result<(Vec<u8>, String), Box<Loaded>> {
    let read = read::configuration_bytes(path, limits::FILE);
    let read = read.and_then(|bytes| Ok((bytes.clone(), read::decode(bytes)?)));
    read.map_err(|failed| Box::new(unread(path, failed)))
}

/// Reads bytes that are no file, such as those of a pipe.
///
/// # Errors
/// What [`load`] says of such a file.
pub fn decode_written(name: &str, bytes: Vec<u8>) -> Result<String, Box<Loaded>> {
    let read = if bytes.len() as u64 > limits::FILE { Err(read::too_large(limits::FILE)) } else { read::decode(bytes) };
    read.map_err(|failed| Box::new(unread(Path::new(name), failed)))
}

/// Makes the problem of a file that can't be read.
fn unread(path: &Path, mut failed: read::ReadError) -> Loaded {
    let name = path.display().to_string();
    let mut sources = Sources::default();
    let stop = failed.stop.take();
    let is_ours = stop.as_ref().is_some_and(|(before, _)| foreign::is_ours(before));
    if let Some((_, byte)) = stop.as_ref().filter(|_| is_ours) {
        failed.message = format!("{} has the byte 0x{byte:02X}", failed.message);
    }
    let before = stop.map(|(before, _)| before).unwrap_or_default();
    let end = before.len();
    let file = if is_ours { sources.add(&name, before) } else { sources.add_hidden(&name, before) };
    let location = sources.locate(&Place { file, start: end, end });
    let mut diagnostics = Diagnostics::default();
    diagnostics.push(unreadable(&failed, &name).located(Some(location)));
    Loaded { config: None, diagnostics, sources }
}

/// Tells where a text is not TOML, as [`load_text`] does, and looks at nothing else.
pub fn syntax(name: &str, text: &str) -> (Diagnostics, Sources) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut sources = Sources::default();
    let file = sources.add(name, text.to_owned());
    let mut problems = Problems::new(&mut sources);
    parse(file, text, &mut problems, &mut Cut::default());
    let mut diagnostics = std::mem::take(&mut problems.found);
    diagnostics.sort();
    (diagnostics, sources)
}

/// Checks a text as if it were the file `name`. Policy files and the file that it extends are looked for in `folder`.
pub fn load_text(name: &str, text: &str, folder: Option<&Path>) -> Loaded {
    let prefix = folder.map(shown_prefix).unwrap_or_default();
    load_in(name, text, folder.and_then(Folder::open), prefix)
}

/// Reads and checks a configuration that is not on the disk, such as that of a commit. `name` is the path by which its
/// places are told, and `path` the one on the shelf.
pub fn load_shelf(name: &str, path: &str, shelf: Arc<dyn Shelf>) -> Loaded {
    let folder = Folder::Shelf(shelf);
    match read::beside(&folder, path, limits::FILE) {
        Ok(text) => load_in(name, &text, Some(folder), String::new()),
        Err(failed) => {
            let mut diagnostics = Diagnostics::default();
            diagnostics.push(unreadable(&failed, name));
            Loaded { config: None, diagnostics, sources: Sources::default() }
        }
    }
}

fn load_in(name: &str, text: &str, folder: Option<Folder>, prefix: String) -> Loaded {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut sources = Sources::default();
    let file = sources.add(name, text.to_owned());
    let mut problems = Problems::new(&mut sources);
    let result = load_into(file, text, folder, prefix, &mut problems);
    let Outcome { config, cut } = result;
    let mut diagnostics = Diagnostics::default();
    let mut seen = std::collections::BTreeSet::new();
    for diagnostic in std::mem::take(&mut problems.found) {
        let diagnostic = foreign::silenced(diagnostic, problems.sources);
        // A default that is wrong would show up once for every entry that it went into.
        let key = (diagnostic.location.clone(), diagnostic.code, diagnostic.message.clone());
        if cut.keeps(&diagnostic) && (diagnostic.location.is_none() || seen.insert(key)) {
            diagnostics.push(diagnostic);
        }
    }
    diagnostics.sort();
    let config = (!diagnostics.has_errors()).then_some(config);
    Loaded { config, diagnostics, sources }
}

struct Outcome {
    config: Config,
    cut: Cut,
}

/// Where the first syntax error stands in each file. The text after it may be read wrongly: only further syntax errors
/// are reported there, and no key is reported as missing.
#[derive(Debug, Default)]
struct Cut {
    places: Vec<Location>,
    /// The base file could not be read.
    partial: bool,
}

impl Cut {
    fn keeps(&self, diagnostic: &Diagnostic) -> bool {
        if diagnostic.code == "VSS0101" {
            return true;
        }
        let incomplete = self.partial || !self.places.is_empty();
        if incomplete && matches!(diagnostic.code, "VSS0105" | "VSS0301" | "VSS0413" | "VSS0510") {
            return false;
        }
        let Some(location) = &diagnostic.location else { return true };
        !self.places.iter().any(|cut| cut.file == location.file && location.line >= cut.line)
    }
}

fn load_into(file: usize, text: &str, folder: Option<Folder>, prefix: String, problems: &mut Problems<'_>) -> Outcome {
    let mut cut = Cut::default();
    let mut root = parse(file, text, problems, &mut cut);
    structure::check(&mut root, problems);
    if let Some(base) = extended(&root, folder.as_ref(), &prefix, problems, &mut cut) {
        let own = std::mem::replace(&mut root, base);
        overlay(&mut root, own);
    }
    let resolvable = check_entries(&root, problems);
    if resolvable {
        merge_defaults(&mut root);
    }
    structure::require(&mut root, problems);
    let (scope, thresholds) = stack(&root, problems);
    let consents = consent::consents(&root, problems);
    if !resolvable {
        let config = Config {
            scope,
            desired: Vec::new(),
            sha256: String::new(),
            thresholds,
            hidden: Hidden::default(),
            consents: Vec::new(),
        };
        return Outcome { config, cut };
    }
    let mut context = Context {
        scope: scope.clone(),
        problems: Problems { sources: &mut *problems.sources, found: std::mem::take(&mut problems.found) },
        documents: Documents::new(folder, prefix),
        tags: None,
        declared: std::collections::BTreeMap::new(),
        allowed: std::collections::BTreeSet::new(),
        hidden: Hidden::default(),
    };
    stack_tags(&root, &mut context);
    let mut desired = resolve::all(&root, &mut context);
    let rank = |desired: &Desired| desired.address.kind().rank();
    desired.sort_by(|left, right| (rank(left), &left.address).cmp(&(rank(right), &right.address)));
    if desired.len() > limits::RESOURCES {
        let message = format!(
            "the file declares {} resources, and {} is the most for one stack",
            desired.len(),
            limits::RESOURCES
        );
        let place = root.member("stack").map_or_else(|| root.place.clone(), |stack| stack.key.clone());
        context
            .report(&place, Diagnostic::error("VSS0210", message).label("too many resources").help("split the stack"));
    } else if let Some(diagnostic) = too_large(&desired) {
        let place = root.member("stack").map_or_else(|| root.place.clone(), |stack| stack.key.clone());
        context.report(&place, diagnostic);
    }
    let (found, hidden) = (context.problems.found, context.hidden);
    problems.found = found;
    let config = Config { scope, desired, sha256: digest(problems.sources), thresholds, hidden, consents };
    Outcome { config, cut }
}

/// Returns the folder as the user wrote it, ready to be put before a file's name.
fn shown_prefix(folder: &Path) -> String {
    let shown = folder.display().to_string();
    if shown.is_empty() || shown.ends_with('/') { shown } else { format!("{shown}/") }
}

/// Parses TOML; several syntax errors come in one run.
fn parse(file: usize, text: &str, problems: &mut Problems<'_>, cut: &mut Cut) -> Node {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut root = Node::from_document(file, &document);
    let is_ours = foreign::has_ours(&root, errors.is_empty());
    if !is_ours {
        problems.sources.hide(file);
        let spans = errors.iter().map(|error| error.span().unwrap_or(0..0));
        if let Some(place) = spans.min_by_key(|span| span.start).map(|span| Place::new(file, span)) {
            problems.add(&place, foreign::not_toml());
            cut.places.push(problems.sources.locate(&place));
            root.tree = Tree::Table(IndexMap::new());
            return root;
        }
    }
    let mut first: Option<Location> = None;
    for error in &errors {
        let span: Range<usize> = error.span().unwrap_or(0..0);
        let place = Place::new(file, span);
        let message = error.message().trim();
        let shown = message.lines().map(safe).collect::<Vec<_>>().join("; ");
        problems.add(&place, Diagnostic::error("VSS0101", format!("not TOML: {shown}")).label("here"));
        let location = problems.sources.locate(&place);
        first = Some(first.map_or_else(|| location.clone(), |first| first.min(location.clone())));
    }
    cut.places.extend(first);
    root
}

/// Reads the file that this one extends, if it does.
fn extended(
    root: &Node,
    folder: Option<&Folder>,
    prefix: &str,
    problems: &mut Problems<'_>,
    cut: &mut Cut,
) -> Option<Node> {
    let node = root.get("extends").filter(|node| !node.faulty)?;
    let path = node.text()?;
    let Some(folder) = folder else {
        cut.partial = true;
        let diagnostic =
            Diagnostic::error("VSS0110", format!("`{}` cannot be read: there is no folder to look in", safe(path)))
                .label("cannot be read");
        problems.add(&node.place, diagnostic);
        return None;
    };
    let text = match read::beside(folder, path, limits::FILE) {
        Ok(text) => text,
        Err(failed) => {
            cut.partial = true;
            let diagnostic = Diagnostic::error("VSS0110", format!("the base file `{}` {}", safe(path), failed.message))
                .label(failed.label);
            problems.add(&node.place, diagnostic);
            return None;
        }
    };
    let file = problems.sources.add(&format!("{prefix}{path}"), text.clone());
    if file == node.place.file {
        problems.add(&node.place, Diagnostic::error("VSS0110", "the file extends itself").label("this very file"));
        return None;
    }
    let mut base = parse(file, &text, problems, cut);
    structure::check(&mut base, problems);
    if let Tree::Table(members) = &mut base.tree
        && let Some(member) = members.shift_remove("extends")
    {
        let diagnostic = Diagnostic::error("VSS0110", "a base file cannot extend another one")
            .label("one level only")
            .help("let the files that use it extend one base");
        problems.add(&member.key, diagnostic);
    }
    // What a reviewer of this file does not see is no consent to it.
    if let Tree::Table(members) = &mut base.tree
        && let Some(member) = members.shift_remove("consent")
    {
        let diagnostic = Diagnostic::warning("VSS0222", "a consent in a base file covers nothing")
            .label("covers nothing")
            .help("write it into the file that the change is made in");
        problems.add(&member.key, diagnostic);
    }
    Some(base)
}

/// Gives every entry the defaults of its kind.
fn merge_defaults(root: &mut Node) {
    let Some(given) = root.get("defaults").filter(|defaults| !defaults.faulty).cloned() else { return };
    for section in SECTIONS {
        let Tree::Table(tables) = &mut root.tree else { return };
        let Some(table) = tables.get_mut(section.kind.name()) else { continue };
        for entry in table.node.members_mut() {
            if let Some(keys) = given.get(section.kind.name()) {
                fill(&mut entry.node, keys);
            }
            let Tree::Table(members) = &mut entry.node.tree else { continue };
            for (name, _) in section.nested.iter().filter(|(_, definition)| definition.is_some()) {
                if let (Some(keys), Some(table)) = (given.get(name), members.get_mut(*name)) {
                    table.node.members_mut().for_each(|entry| fill(&mut entry.node, keys));
                }
            }
        }
    }
}

/// Hashes the names and texts of all files that were read.
fn digest(sources: &Sources) -> String {
    let mut hasher = Sha256::new();
    for (index, (_, text)) in sources.texts().enumerate() {
        hasher.update(index.to_be_bytes());
        hasher.update(text.len().to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
