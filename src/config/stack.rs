//! `[stack]` and `[tags]`: whose resources these are, where they are, and the tags that all of them have.

use indexmap::IndexMap;

use crate::model::arn::{is_account, is_region};
use crate::model::partition::{self, Partition, is_listed};
use crate::model::{Diagnostic, Scope, Thresholds};

use super::context::{Context, Tags};
use super::limits;
use super::names::is_iam_path;
use super::problems::{Problems, safe};
use super::tree::{Node, Tree};

/// Reads and checks `[stack]`, key by key, so that a mistake here does not keep the entries from being checked. A wrong
/// account or region is left empty, and no ARN is compared with it.
pub(super) fn stack(root: &Node, problems: &mut Problems<'_>) -> (Scope, Thresholds) {
    let empty = Node { tree: Tree::Table(IndexMap::new()), place: root.place.clone(), faulty: true, stand_in: None };
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
    let written = text("region").unwrap_or_default();
    let region = written.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let help = is_region(region).then(|| format!("`{region}` is the region of that availability zone"));
    let meant = (!written.is_empty()).then(|| format!("did you mean `{}`?", partition::nearest(&written)));
    let region = check("region", is_region, "VSS0202", "region", "such as `ap-northeast-1`", help.or(meant));
    let help = Some("write it like `\"/vssctl/windows-backup/\"`".to_owned());
    let iam_path = check("iam_path", is_iam_path, "VSS0206", "IAM path", "starts and ends with `/`", help);
    if let Some(region) = region.as_deref().filter(|region| !is_listed(region)) {
        problems.add(&node.place_at(&["region"]), unlisted(region));
    }
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

/// Makes the warning of a region that AWS's data does not list: a slip, or a region that is newer than this version.
pub(crate) fn unlisted(region: &str) -> Diagnostic {
    let (near, partition) = (partition::nearest(region), Partition::of(region));
    Diagnostic::warning("VSS0217", format!("no region of AWS's is known by the name `{}`", safe(region)))
        .label(format!("did you mean `{near}`?"))
        .help(format!(
            "a region that is newer than this version of vssctl works as it stands: it is taken to be in the partition \
             `{}`",
            partition.name
        ))
}

fn is_stack_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

pub(super) fn stack_tags(root: &Node, context: &mut Context<'_>) {
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
