//! What a service makes up: ids, page tokens and the numbers of timestamps. Nothing here is random, so that runs can be
//! repeated.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::account::seconds;

/// Returns the UUID that belongs to a text, in the form of version 4.
pub(super) fn uuid_of(text: &str) -> String {
    uuid_of_digits(&hex(&Sha256::digest(text.as_bytes())))
}

/// Returns the UUID of at least 32 hexadecimal digits.
pub(super) fn uuid_of_digits(digits: &str) -> String {
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32])
}

/// Writes bytes as lower case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// Writes milliseconds since 1970 as they are in an answer.
pub(super) fn timestamp(milliseconds: i64) -> Value {
    json!(seconds(milliseconds))
}

/// One page of a list.
pub(super) struct Page {
    /// The items of this page.
    pub(super) items: Vec<Value>,
    /// The token of the next page, if there is one.
    pub(super) next: Option<String>,
}

/// Cuts one page out of a list whose items have keys, in their order. `list` names the list (operation and filters), so
/// that a token of another list is refused. The token names the last key on the page, so that the next page neither
/// repeats nor skips items when others are added or removed. `None` where the token does not belong to this list.
pub(super) fn page(list: &str, all: Vec<(String, Value)>, size: usize, token: Option<&str>) -> Option<Page> {
    let start = match token {
        None => 0,
        Some(token) => {
            let (key, given) = open_token(list, token)?;
            match all.iter().position(|(other, _)| *other == key) {
                Some(found) => found + 1,
                // The last item of the page before is gone. The page begins with its neighbour in the order, or at its
                // place in an unordered list.
                None if all.is_sorted_by(|(one, _), (other, _)| one < other) => {
                    all.partition_point(|(other, _)| *other < key)
                }
                None => given.saturating_sub(1).min(all.len()),
            }
        }
    };
    let end = start.saturating_add(size).min(all.len());
    let final_item = end.checked_sub(1).and_then(|index| all.get(index)).filter(|_| end < all.len());
    let next = final_item.map(|(key, _)| make_token(list, key, end));
    let items = all.into_iter().skip(start).take(end - start).map(|(_, item)| item).collect();
    Some(Page { items, next })
}

/// Names a list by its operation and filters: a token belongs to these, on whatever page and however many fit on one.
pub(super) fn list_name(operation: &str, input: &Value) -> String {
    let mut filters = input.clone();
    if let Some(members) = filters.as_object_mut() {
        members.retain(|name, _| name != "NextToken" && name != "MaxResults");
    }
    format!("{operation}{filters}")
}

fn make_token(list: &str, key: &str, offset: usize) -> String {
    let inner = format!("{offset}/{key}");
    hex(format!("{}{inner}", seal(list, &inner)).as_bytes())
}

fn open_token(list: &str, token: &str) -> Option<(String, usize)> {
    if !token.is_ascii() || token.len() % 2 == 1 {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..token.len()).step_by(2).map(|at| u8::from_str_radix(&token[at..at + 2], 16).ok()).collect();
    let text = String::from_utf8(bytes?).ok()?;
    let (mark, inner) = (text.get(..16)?, text.get(16..)?);
    if mark != seal(list, inner) {
        return None;
    }
    let (offset, key) = inner.split_once('/')?;
    Some((key.to_owned(), offset.parse().ok()?))
}

fn seal(list: &str, inner: &str) -> String {
    hex(&Sha256::digest(format!("{list}\n{inner}").as_bytes()))[..16].to_owned()
}
