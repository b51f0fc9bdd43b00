//! The marks of ownership: tags in the creating call, and a deterministic `CreatorRequestId` for AWS Backup.
//!
//! A live resource is ours when its tag `vssctl:stack` or its `CreatorRequestId` names our stack. There is no state
//! file. IAM has no regions, so that its resources carry the stack's region as a mark: one file applied in two regions
//! makes two stacks of one name.

use crate::model::KindId;
use crate::model::marks::{ID, KEYS, REGION, STACK, TOKEN};
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::kind::Owner;
use crate::model::hash::sha256_hex;
use crate::model::{Address, Scope};

/// AWS allows 256 characters in a tag value.
const VALUE_LIMIT: usize = 256;
/// Opens a `vssctl:keys` value that holds hashes in place of names.
const HASHED: char = '=';
/// Hexadecimal digits per hashed key: 47 keys fit into one value.
const HASH_DIGITS: usize = 5;
/// The kinds whose resources exist once for all regions of an account.
const GLOBAL_KINDS: [KindId; 3] = [KindId::Role, KindId::Policy, KindId::InstanceProfile];

/// Returns the marks of `address`, whose file entry names the tag keys `keys`.
pub fn marks<'a>(
    scope: &Scope,
    address: &Address,
    keys: impl IntoIterator<Item = &'a str>,
) -> BTreeMap<String, String> {
    let mut marks = BTreeMap::from([
        (STACK.to_owned(), scope.stack.clone()),
        (ID.to_owned(), address.to_string()),
        (KEYS.to_owned(), list_keys(keys)),
    ]);
    if GLOBAL_KINDS.contains(&address.kind()) {
        marks.insert(REGION.to_owned(), scope.region.clone());
    }
    marks
}

/// Writes tag keys into one tag value: their names with blanks between, or short hashes where names don't fit.
pub(crate) fn list_keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    let mut keys: Vec<&str> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    let names = keys.join(" ");
    let readable =
        names.chars().count() <= VALUE_LIMIT && keys.iter().all(|key| !key.contains(' ') && !key.starts_with(HASHED));
    if readable {
        names
    } else {
        std::iter::once(HASHED.to_string()).chain(keys.iter().map(|key| short_hash(key))).collect()
    }
}

fn short_hash(key: &str) -> String {
    sha256_hex(key.as_bytes())[..HASH_DIGITS].to_owned()
}

/// Tells whether a `vssctl:keys` value says that we wrote `key`.
pub fn wrote(value: &str, key: &str) -> bool {
    match value.strip_prefix(HASHED) {
        Some(hashes) => {
            let hash = short_hash(key);
            hashes.as_bytes().chunks(HASH_DIGITS).any(|chunk| chunk == hash.as_bytes())
        }
        None => value.split(' ').any(|name| name == key),
    }
}

/// Reads the owner from all tags of a live resource, `aws:` ones included. Our stack in another region is another
/// stack; a resource of our stack that names no region is ours.
pub fn owner(scope: &Scope, tags: &BTreeMap<String, String>) -> Owner {
    match tags.get(STACK) {
        Some(stack) if *stack == scope.stack => match tags.get(REGION).filter(|region| **region != scope.region) {
            Some(region) => Owner::Stack(format!("{stack} in {region}")),
            None => Owner::Ours(tags.get(ID).and_then(|id| id.parse().ok())),
        },
        Some(stack) => Owner::Stack(stack.clone()),
        None => tags
            .get("aws:cloudformation:stack-name")
            .map_or(Owner::Nobody, |stack| Owner::CloudFormation(stack.clone())),
    }
}

/// Builds the `CreatorRequestId` of a resource of AWS Backup: at most 41 characters of `[A-Za-z0-9_.-]`.
///
/// `letter` is `v`, `p` or `s`. `content` is the address of a vault or plan; of a selection, which nothing can change,
/// its canonical content, so that new content is a new token.
pub fn creator_request_id(scope: &Scope, letter: char, name: &str, content: &str) -> String {
    let slug: String =
        name.chars().filter(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_')).take(16).collect();
    format!("{}{slug}.{}", creator_prefix(scope, letter), &sha256_hex(content.as_bytes())[..8])
}

/// Tells whether a `CreatorRequestId` was made by this stack for a resource of `letter`.
pub fn is_creator(scope: &Scope, letter: char, creator_request_id: &str) -> bool {
    creator_request_id.starts_with(&creator_prefix(scope, letter))
}

fn creator_prefix(scope: &Scope, letter: char) -> String {
    format!("{TOKEN}{}.{letter}.", &sha256_hex(scope.stack.as_bytes())[..10])
}

/// What has to be done to the tags of a live resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChanges {
    /// Tags to write.
    pub set: BTreeMap<String, String>,
    /// Keys to take away: we wrote them and the file no longer has them.
    pub unset: Vec<String>,
}

/// Compares live tags (marks included) with those of the file and the marks.
pub fn tag_changes(
    live: Option<&Map<String, Value>>,
    desired: Option<&Map<String, Value>>,
    marks: &BTreeMap<String, String>,
) -> TagChanges {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let live: BTreeMap<String, String> =
        live.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect();
    let wanted: BTreeMap<String, String> = desired
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .chain(marks.iter().map(|(key, value)| (key.clone(), value.clone())))
        .collect();
    let written = live.get(KEYS).cloned().unwrap_or_default();
    let unset: Vec<String> =
        live.keys().filter(|key| !wanted.contains_key(*key) && wrote(&written, key)).cloned().collect();
    let mut set: BTreeMap<String, String> =
        wanted.into_iter().filter(|(key, value)| live.get(key) != Some(value)).collect();
    if !set.is_empty() || !unset.is_empty() {
        // Marks may be known from a token alone: whoever writes tags writes all three.
        set.extend(marks.clone());
    }
    TagChanges { set, unset }
}

/// Returns desired tags and marks together, for a creating call.
pub fn all_tags(desired: Option<&Map<String, Value>>, marks: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    tag_changes(None, desired, marks).set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            stack: "windows-backup".into(),
            account_id: "123456789012".into(),
            region: "ap-northeast-1".into(),
            iam_path: "/".into(),
        }
    }

    #[test]
    fn the_keys_that_we_wrote_are_told_from_others() {
        let value = list_keys(["team", "cost:center"]);
        assert_eq!(value, "cost:center team");
        assert!(wrote(&value, "team") && wrote(&value, "cost:center") && !wrote(&value, "tea"));
    }

    #[test]
    fn forty_seven_keys_of_any_length_fit_into_one_tag_value() {
        let keys: Vec<String> = (0..47).map(|number| format!("{number} {}", "k".repeat(120))).collect();
        let value = list_keys(keys.iter().map(String::as_str));
        assert!(value.len() <= VALUE_LIMIT, "{}", value.len());
        assert!(keys.iter().all(|key| wrote(&value, key)));
        assert!(!wrote(&value, "another key"));
    }

    #[test]
    fn no_key_written_means_no_key_is_ours() {
        assert!(!wrote("", "team"));
        assert!(!wrote("=", "team"));
    }

    #[test]
    fn a_creator_request_id_fits_aws_and_names_its_stack() {
        let id = creator_request_id(&scope(), 's', "windows servers of the whole company", "content");
        assert!(id.len() <= 50, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{id}");
        assert!(is_creator(&scope(), 's', &id) && !is_creator(&scope(), 'p', &id));
        assert!(!is_creator(&Scope { stack: "other".into(), ..scope() }, 's', &id));
    }

    #[test]
    fn whoever_asks_for_the_same_content_again_has_the_same_token() {
        let id = |content: &str| creator_request_id(&scope(), 's', "windows", content);
        // It has to outlive the process that made it, and the version of vssctl.
        assert_eq!(id("content"), "v1.f6009edd5e.s.windows.ed7002b4");
        assert_ne!(id("content"), id("other content"));
    }

    #[test]
    fn only_keys_that_we_wrote_are_taken_away() {
        let live = serde_json::json!({
            "team": "a", "theirs": "x", "gone": "y", "vssctl:keys": "gone team", "vssctl:stack": "s",
        });
        let desired = serde_json::json!({"team": "b"});
        let marks = BTreeMap::from([(STACK.to_owned(), "s".to_owned()), (KEYS.to_owned(), "team".to_owned())]);
        let changes = tag_changes(live.as_object(), desired.as_object(), &marks);
        assert_eq!(changes.unset, ["gone"]);
        // The marks go along with any tag.
        assert_eq!(changes.set.keys().map(String::as_str).collect::<Vec<_>>(), ["team", KEYS, STACK]);
    }

    #[test]
    fn only_resources_of_iam_are_marked_with_the_region() {
        for (kind, marked) in [
            (KindId::Role, true),
            (KindId::Policy, true),
            (KindId::InstanceProfile, true),
            (KindId::Vault, false),
            (KindId::Package, false),
        ] {
            let marks = marks(&scope(), &Address::new(kind, "a"), []);
            assert_eq!(marks.get(REGION).map(String::as_str), marked.then_some("ap-northeast-1"), "{kind}");
        }
    }

    #[test]
    fn the_owner_is_who_the_tags_name() {
        let tags = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let ours = owner(&scope(), &tags(&[(STACK, "windows-backup"), (ID, "role.app")]));
        assert_eq!(ours, Owner::Ours(Some(Address::new(KindId::Role, "app"))));
        let here = [(STACK, "windows-backup"), (REGION, "ap-northeast-1")];
        assert_eq!(owner(&scope(), &tags(&here)), Owner::Ours(None));
        let elsewhere = [(STACK, "windows-backup"), (ID, "role.app"), (REGION, "us-west-2")];
        assert_eq!(owner(&scope(), &tags(&elsewhere)), Owner::Stack("windows-backup in us-west-2".into()));
        assert_eq!(owner(&scope(), &tags(&[(STACK, "else")])), Owner::Stack("else".into()));
        assert_eq!(
            owner(&scope(), &tags(&[("aws:cloudformation:stack-name", "cfn")])),
            Owner::CloudFormation("cfn".into())
        );
        assert_eq!(owner(&scope(), &tags(&[("team", "x")])), Owner::Nobody);
    }
}
