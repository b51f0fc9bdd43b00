//! Which live resource an entry of the file means, and whose a live resource is: the rules that kinds share.

use crate::model::KindId;
use serde_json::Value;

use crate::aws::{AwsError, Tags};
use crate::kind::marks;
use crate::kind::{Desired, Found, Owner};
use crate::model::{Address, Scope};

/// Gives the entries of one kind.
pub(crate) fn entries(desired: &[Desired], kind: KindId) -> impl Iterator<Item = &Desired> + Clone {
    desired.iter().filter(move |entry| entry.address.kind() == kind)
}

/// Tells whether a mark is that of an entry: its address, or the one that it had before.
pub(crate) fn is_marked(entry: &Desired, mark: &Address) -> bool {
    entry.address == *mark || entry.renamed_from.as_ref() == Some(mark)
}

/// Tells whether an owner's mark is that of an entry.
pub(crate) fn is_owned_as(entry: &Desired, owner: &Owner) -> bool {
    matches!(owner, Owner::Ours(Some(mark)) if is_marked(entry, mark))
}

/// The option of an entry that names what it adopts by AWS's id.
pub(crate) const ADOPTED_ID: &str = "adopted_id";

/// Returns the id by which a plan or an association is adopted.
pub(crate) fn identified(entry: &Desired) -> Option<&str> {
    entry.options.get(ADOPTED_ID).and_then(Value::as_str)
}

/// Finds the live resource of a name. IAM names are unique without regard to case, so that another case is the same
/// resource.
pub(crate) fn by_iam_name<'a, T>(resources: &'a [T], name: &str, name_of: impl Fn(&T) -> &str) -> Option<&'a T> {
    resources
        .iter()
        .find(|resource| name_of(resource) == name)
        .or_else(|| resources.iter().find(|resource| name_of(resource).eq_ignore_ascii_case(name)))
}

/// Makes what a failed read means: unknown, and never absent.
pub(crate) fn unknown(error: &AwsError) -> Found {
    let code = error.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
    Found::Unknown { action: error.action(), message: format!("{code}{}", error.reason()) }
}

/// Tells whether indexed tags are already as the entry wants them. The index of the Tagging API lags behind, so a
/// difference is worth a look at the source.
pub(crate) fn is_settled(scope: &Scope, entry: &Desired, tags: &Tags) -> bool {
    let wanted = entry.fields.get("tags").and_then(Value::as_object);
    let marks = marks::marks(scope, &entry.address, wanted.into_iter().flatten().map(|(key, _)| key.as_str()));
    let live = tags.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    marks::tag_changes(Some(&live), wanted, &marks) == marks::TagChanges::default()
}

/// Reads the owner of a resource of AWS Backup: its tags, and its `CreatorRequestId` where no tag says anything.
pub(crate) fn backup_owner(scope: &Scope, letter: char, tags: &Tags, creator_request_id: Option<&str>) -> Owner {
    match marks::owner(scope, tags) {
        Owner::Nobody if creator_request_id.is_some_and(|id| marks::is_creator(scope, letter, id)) => Owner::Ours(None),
        owner => owner,
    }
}

/// Tells whether a live resource carries the tags that a creating call gives it, marks included: then that call made
/// it.
pub(crate) fn carries(live: &Tags, tags: Option<impl IntoIterator<Item = (String, String)>>) -> bool {
    tags.is_some_and(|tags| tags.into_iter().all(|(key, value)| live.get(&key) == Some(&value)))
}
