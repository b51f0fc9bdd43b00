//! From a path or a text to a configuration, with every problem on the way.

use crate::model::Thresholds;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use indexmap::IndexMap;
use sha2::{Digest, Sha256};
use toml::de::DeTable;

use crate::kind::Desired;
use crate::model::arn::{is_account, is_region};
use crate::model::{Diagnostic, Diagnostics, Location, Scope};

use super::context::{Context, Tags};
use super::documents::{Documents, unreadable};
use super::foreign;
use super::names::is_iam_path;
use super::problems::{Problems, safe};
use super::schema::DEFAULTS;
use super::tree::{Node, Tree, fill, overlay};
use super::{limits, read, resolve, structure};
use crate::model::source::{Place, Sources};

/// What came of loading a file.
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
    /// Everything that shall be, sorted by kind (in the order of plans) and address.
    pub desired: Vec<Desired>,
    /// SHA-256 of all files read, hexadecimal.
    pub sha256: String,
    /// How much one run may delete without being told.
    pub thresholds: Thresholds,
}

/// Reads and checks a configuration file.
pub fn load(path: &Path) -> Loaded {
    let name = path.display().to_string();
    match read::configuration(path, limits::FILE) {
        Ok(text) => load_text(&name, &text, Some(path.parent().unwrap_or(Path::new("")))),
        Err(mut failed) => {
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
    }
}

/// Checks a text as if it were the file `name`. Policy files and the file that it extends are looked for in `folder`.
pub fn load_text(name: &str, text: &str, folder: Option<&Path>) -> Loaded {
    let mut sources = Sources::default();
    let file = sources.add(name, text.to_owned());
    let mut problems = Problems::new(&mut sources);
    let result = load_into(file, text, folder, &mut problems);
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

/// Where the first syntax error stands in each file. What stands after it may be read wrongly: no problem is reported there
/// but further syntax errors, and none that something is missing.
#[derive(Debug, Default)]
struct Cut {
    places: Vec<Location>,
    /// The base file could not be read.
    partial: bool,
}

impl Cut {
    fn keeps(&self, diagnostic: &Diagnostic) -> bool {
        if matches!(diagnostic.code, "VSS0101" | "VSS0109") {
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

fn load_into(file: usize, text: &str, folder: Option<&Path>, problems: &mut Problems<'_>) -> Outcome {
    let mut cut = Cut::default();
    let mut root = parse(file, text, problems, &mut cut);
    structure::check(&mut root, problems);
    let prefix = folder.map(shown_prefix).unwrap_or_default();
    let folder = folder.and_then(|folder| {
        let path = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Dir::open_ambient_dir(path, ambient_authority()).ok()
    });
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
    if !resolvable {
        let config = Config { scope, desired: Vec::new(), sha256: String::new(), thresholds };
        return Outcome { config, cut };
    }
    let mut context = Context {
        scope: scope.clone(),
        problems: Problems { sources: &mut *problems.sources, found: std::mem::take(&mut problems.found) },
        documents: Documents::new(folder, prefix),
        tags: None,
        declared: std::collections::BTreeMap::new(),
        allowed: std::collections::BTreeSet::new(),
    };
    stack_tags(&root, &mut context);
    let mut desired = resolve::all(&root, &mut context);
    let rank = |desired: &Desired| desired.address.kind().rank();
    desired.sort_by(|left, right| (rank(left), &left.address).cmp(&(rank(right), &right.address)));
    if desired.len() > limits::THINGS {
        let message =
            format!("the file declares {} things, and {} is the most for one stack", desired.len(), limits::THINGS);
        let place = root.member("stack").map_or_else(|| root.place.clone(), |stack| stack.key.clone());
        context.report(&place, Diagnostic::error("VSS0210", message).label("too many things").help("split the stack"));
    } else if let Some(diagnostic) = too_large(&desired) {
        let place = root.member("stack").map_or_else(|| root.place.clone(), |stack| stack.key.clone());
        context.report(&place, diagnostic);
    }
    let found = context.problems.found;
    problems.found = found;
    let config = Config { scope, desired, sha256: digest(problems.sources), thresholds };
    Outcome { config, cut }
}

/// Returns the folder as the user wrote it, ready to be put before a file's name.
fn shown_prefix(folder: &Path) -> String {
    let shown = folder.display().to_string();
    if shown.is_empty() || shown.ends_with('/') { shown } else { format!("{shown}/") }
}

/// Parses TOML; several syntax errors come in one run.
fn parse(file: usize, text: &str, problems: &mut Problems<'_>, cut: &mut Cut) -> Node {
    if text.starts_with('\u{feff}') {
        let place = Place { file, start: 0, end: '\u{feff}'.len_utf8() };
        let diagnostic = Diagnostic::error("VSS0109", "the file starts with a byte order mark")
            .label("U+FEFF before the first character")
            .help("save it as UTF-8 without a byte order mark");
        problems.add(&place, diagnostic);
    }
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
    folder: Option<&Dir>,
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
    Some(base)
}

/// Refuses a file with more entries, or defaults for them, than anybody writes.
fn check_entries(root: &Node, problems: &mut Problems<'_>) -> bool {
    let tables = |node: &Node, names: &[&str]| -> usize {
        names.iter().filter_map(|name| node.get(name)).map(|table| table.members().count()).sum()
    };
    let plans = root.get("plan").into_iter().flat_map(Node::members);
    let within_plans: usize = plans.map(|(_, plan)| tables(&plan.node, &["rule", "selection"])).sum();
    let kinds = ["role", "policy", "instance_profile", "attachment", "package", "vault", "plan"];
    let entries = tables(root, &kinds) + within_plans;
    let defaults = root.get("defaults").map_or(0, Node::count).saturating_mul(entries) as u64;
    let message = if entries > limits::ENTRIES {
        format!("the file has {entries} entries, and one stack has {} things at most", limits::THINGS)
    } else if defaults > limits::DEFAULT_VALUES {
        format!("`defaults` would add up to {defaults} values to {entries} entries")
    } else {
        return true;
    };
    let place = root.members().next().map_or_else(|| root.place.clone(), |(_, member)| member.key.clone());
    problems.add(&place, Diagnostic::error("VSS0210", message).label("too large").help("split the stack"));
    false
}

/// Refuses a file that resolves to more than a saved plan has room for: policy files and defaults, written once, count
/// at each thing that they go into.
fn too_large(desired: &[Desired]) -> Option<Diagnostic> {
    let mut sizes: Vec<(u64, &Desired)> = desired.iter().map(|desired| (resolved_size(desired), desired)).collect();
    let whole: u64 = sizes.iter().map(|(size, _)| size).sum();
    if whole <= limits::RESOLVED {
        return None;
    }
    sizes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let largest = sizes.iter().take(3).map(|(size, desired)| format!("`{}` has {size}", desired.address));
    let message = format!(
        "with presets, defaults and policy files in place the file comes to {whole} bytes, and {} is the most for one stack",
        limits::RESOLVED
    );
    Some(
        Diagnostic::error("VSS0216", message)
            .label("resolves to too much")
            .help(format!("the largest: {}", largest.collect::<Vec<_>>().join(", ")))
            .help("make a document that many roles share one `[policy]`, or split the stack"),
    )
}

/// Counts the bytes of a thing as a saved plan writes it.
fn resolved_size(desired: &Desired) -> u64 {
    crate::model::json::pretty(desired).map_or(u64::MAX, |text| text.len() as u64)
}

/// Gives every entry the defaults of its kind.
fn merge_defaults(root: &mut Node) {
    let Some(defaults) = root.get("defaults").filter(|defaults| !defaults.faulty).cloned() else { return };
    for (kind, _) in DEFAULTS {
        let Some(keys) = defaults.get(kind) else { continue };
        let Tree::Table(tables) = &mut root.tree else { return };
        match *kind {
            "rule" | "selection" => {
                let plans = tables.get_mut("plan").into_iter().flat_map(|plans| plans.node.members_mut());
                for plan in plans {
                    if let Tree::Table(members) = &mut plan.node.tree
                        && let Some(table) = members.get_mut(*kind)
                    {
                        table.node.members_mut().for_each(|entry| fill(&mut entry.node, keys));
                    }
                }
            }
            kind => {
                let entries = tables.get_mut(kind).into_iter().flat_map(|table| table.node.members_mut());
                entries.for_each(|entry| fill(&mut entry.node, keys));
            }
        }
    }
}

/// Reads and checks `[stack]`, key by key: what is wrong here is no reason to leave the entries unchecked. A wrong account or
/// region is left empty, and nothing is held against it.
fn stack(root: &Node, problems: &mut Problems<'_>) -> (Scope, Thresholds) {
    let empty = Node { tree: Tree::Table(IndexMap::new()), place: root.place.clone(), faulty: true };
    let node = root.get("stack").unwrap_or(&empty);
    let text = |key: &str| node.get(key).filter(|node| !node.faulty).and_then(Node::text).map(ToOwned::to_owned);
    let mut check =
        |key: &str, fits: fn(&str) -> bool, code: &'static str, what: &str, label: &str, help: Option<String>| {
            let value = text(key)?;
            if fits(&value) {
                return Some(value);
            }
            let mut diagnostic = Diagnostic::error(code, format!("`{}` is no {what}", safe(&value))).label(label);
            diagnostic.help.extend(help);
            problems.add(&node.place_at(&[key]), diagnostic);
            None
        };
    let name = check("name", is_stack_name, "VSS0203", "stack name", "1 to 64 of A-Z a-z 0-9 _ . -", None);
    let digits: String = text("account_id").unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let help = (digits.len() == 12).then(|| format!("write `\"{digits}\"`"));
    let account_id = check("account_id", is_account, "VSS0201", "account id", "twelve digits in quotes", help);
    let region = text("region").unwrap_or_default();
    let region = region.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let help = is_region(region).then(|| format!("`{region}` is the region of that availability zone"));
    let region = check("region", is_region, "VSS0202", "region", "such as `ap-northeast-1`", help);
    let help = Some("write it like `\"/vssctl/windows-backup/\"`".to_owned());
    let iam_path = check("iam_path", is_iam_path, "VSS0206", "IAM path", "starts and ends with `/`", help);
    let number = |key: &str| match node.get(key).map(|node| &node.tree) {
        Some(Tree::Integer(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    let usual = Thresholds::default();
    let thresholds = Thresholds {
        max_deletions: number("max_deletions").unwrap_or(usual.max_deletions),
        max_deletion_percent: number("max_deletion_percent").unwrap_or(usual.max_deletion_percent),
    };
    let scope = Scope {
        stack: name.unwrap_or_default(),
        account_id: account_id.unwrap_or_default(),
        region: region.unwrap_or_default(),
        iam_path: iam_path.unwrap_or_else(|| "/".to_owned()),
    };
    (scope, thresholds)
}

fn is_stack_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn stack_tags(root: &Node, context: &mut Context<'_>) {
    let Some(node) = root.get("tags").filter(|node| !node.has_fault()) else { return };
    let tags: Tags =
        node.members().filter_map(|(key, member)| Some((key.to_owned(), member.node.text()?.to_owned()))).collect();
    context.check_tags(node, &tags, None);
    if tags.len() > limits::TAGS {
        let message = format!("`tags` has {} tags, and {} is the most", tags.len(), limits::TAGS);
        let place = root.member("tags").map_or_else(|| node.place.clone(), |member| member.key.clone());
        context.report(&place, Diagnostic::error("VSS0209", message).label("too many"));
        return;
    }
    context.tags = Some(tags);
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
