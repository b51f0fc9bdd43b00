//! Tags: those of the file and of the entry are merged and checked against the rules of AWS.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::{Address, Diagnostic};

use super::context::{Context, Entry, Tags};
use super::limits;
use super::problems::safe;
use super::tree::Node;
use crate::kind::values::Common;

impl Context<'_> {
    /// Merges `[tags]` with an entry's own tags and checks them. Returns none where there are neither.
    pub(crate) fn merged_tags<T: Common>(&mut self, entry: &Entry<'_, T>, iam: bool) -> Option<Tags> {
        let own = entry.spec.own_tags();
        if own.is_none() && self.tags.is_none() {
            return None;
        }
        if let (Some(own), Some(node)) = (own, entry.node.get("tags")) {
            self.check_tags(node, own, Some(&entry.address));
        }
        let mut tags = self.tags.clone().unwrap_or_default();
        tags.extend(own.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        let place = entry.place(&["tags"]);
        let marks = if iam { limits::IAM_MARKS } else { limits::MARKS };
        let most = limits::TAGS - marks;
        if tags.len() > most {
            let message = format!("`{}` has {} tags, and {most} is the most", entry.address, tags.len());
            let diagnostic = entry
                .error("VSS0209", message)
                .label("too many, with those of `[tags]`")
                .help(format!("AWS takes {} tags, and vssctl's own marks need {marks} of them", limits::TAGS));
            self.report(&place, diagnostic);
        }
        if iam {
            let mut seen: BTreeMap<String, &str> = BTreeMap::new();
            for key in tags.keys() {
                if let Some(first) = seen.insert(key.to_lowercase(), key) {
                    let message = format!("the tags `{}` and `{}` differ in case only", safe(first), safe(key));
                    let diagnostic = entry.error("VSS0213", message).label("IAM ignores the case of tag keys");
                    let place = entry.key_place(&["tags", key]);
                    self.report(&place, diagnostic);
                }
            }
        }
        Some(tags)
    }

    /// Checks keys and values of tags that vssctl is to write.
    pub(crate) fn check_tags(&mut self, node: &Node, tags: &Tags, address: Option<&Address>) {
        static CHARACTERS: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$").expect("the pattern is fixed"));
        for (key, value) in tags {
            let Some(member) = node.member(key) else { continue };
            // `[tags]` that came by way of `[defaults]` stand in many entries and are one problem.
            let lower = key.to_ascii_lowercase();
            let problem = if key.is_empty() || key.chars().count() > 128 {
                Some((
                    &member.key,
                    "VSS0208",
                    format!("a tag key has 1 to 128 characters, not {}", key.chars().count()),
                ))
            } else if let Some(prefix) = ["aws:", "vssctl:"].into_iter().find(|prefix| lower.starts_with(prefix)) {
                Some((&member.key, "VSS0211", format!("the tag `{}` has the reserved prefix `{prefix}`", safe(key))))
            } else if !CHARACTERS.is_match(key) {
                Some((
                    &member.key,
                    "VSS0208",
                    format!("the tag key `{}` has a character that AWS does not take", safe(key)),
                ))
            } else if value.chars().count() > 256 {
                let message =
                    format!("the tag `{}` has {} characters, and 256 is the most", safe(key), value.chars().count());
                Some((&member.node.place, "VSS0208", message))
            } else if !CHARACTERS.is_match(value) {
                let message = format!("the tag `{}` has a value with a character that AWS does not take", safe(key));
                Some((&member.node.place, "VSS0208", message))
            } else {
                None
            };
            if let Some((place, code, message)) = problem {
                let mut diagnostic = Diagnostic::error(code, message).label(if code == "VSS0211" {
                    "reserved"
                } else {
                    "letters, digits, spaces and _ . : / = + - @"
                });
                diagnostic.address = address.cloned();
                let place = place.clone();
                self.report(&place, diagnostic);
            }
        }
    }
}
