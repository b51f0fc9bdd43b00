//! Slips in tags: a tag that is there in place of the one that was meant.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values that people confuse with one another.
const YES: [&str; 7] = ["enabled", "enable", "true", "yes", "on", "y", "1"];
/// Prefixes that turn a word into its opposite. A value with one is deliberate, not a slip.
const NEGATIONS: [&str; 6] = ["no", "non", "not", "un", "dis", "in"];

/// Tells whether a tag is nearly another one, by its key and its value.
pub fn is_near(key: &str, value: &str, name: &str, text: &str) -> bool {
    is_like(key, name) && (is_like(value, text) || both_mean_yes(value, text))
}

/// Finds the tags of an instance that are nearly what SSM's targets ask for, each with the wanted one:
/// `(wanted, found)`, as `key=value`.
pub(crate) fn near_targets(targets: &Value, tags: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (key, values) in targets.as_object().into_iter().flatten() {
        let Some(key) = key.strip_prefix("tag:") else { continue };
        let values: Vec<&str> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if tags.get(key).is_some_and(|value| values.contains(&value.as_str())) {
            continue;
        }
        for value in values {
            let slips = tags.iter().filter(|(name, text)| is_near(key, value, name, text));
            found.extend(slips.map(|(name, text)| (format!("{key}={value}"), format!("{name}={text}"))));
        }
    }
    found
}

fn both_mean_yes(one: &str, other: &str) -> bool {
    [one, other].into_iter().all(|text| YES.contains(&text.trim().to_lowercase().as_str()))
}

/// Tells whether two texts are the same or differ by a slip: case, white space and punctuation, or a letter or two.
fn is_like(wanted: &str, found: &str) -> bool {
    if wanted == found {
        return true;
    }
    let bare = |text: &str| -> String {
        text.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (wanted, found) = (bare(wanted), bare(found));
    if wanted.is_empty() || found.is_empty() {
        return false;
    }
    if wanted == found {
        return true;
    }
    // `tier1` and `tier2` differ on purpose, and so do `backup` and `nobackup`.
    let letters = |text: &str| -> String { text.chars().filter(|one| !one.is_numeric()).collect() };
    let (long, short) = if wanted.len() >= found.len() { (&wanted, &found) } else { (&found, &wanted) };
    let opposite = NEGATIONS.iter().any(|negation| long.strip_prefix(negation) == Some(short.as_str()));
    if opposite || letters(&wanted) == letters(&found) {
        return false;
    }
    let slips = match short.chars().count() {
        0..=3 => 0,
        4..=6 => 1,
        _ => 2,
    };
    strsim::damerau_levenshtein(&wanted, &found) <= slips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        for (wanted, found) in [
            ("VssBackup", "VssBakup"),
            ("VssBackup", "vssbackup"),
            ("VssBackup", "Vss-Backup"),
            ("VssBackup", "VssBackpu"),
            ("VssBackup", "VSSBackups"),
            ("enabled", "Enabled"),
            ("enabled", "enabled "),
            ("enabled", "enable"),
            ("prod", "prd1x"),
        ] {
            let near = is_like(wanted, found);
            assert_eq!(near, wanted != "prod", "{wanted} {found}");
        }
        for (wanted, found) in [
            ("enabled", "disabled"),
            ("VssBackup", "Name"),
            ("backup", "nobackup"),
            ("protected", "unprotected"),
            ("tier1", "tier2"),
            ("on", "no"),
            ("yes", ""),
            ("prod", "test"),
        ] {
            assert!(!is_like(wanted, found), "{wanted} {found}");
        }
    }

    #[test]
    fn the_tags_that_targets_nearly_mean_are_found() {
        let tags = BTreeMap::from([("VssBackup".to_owned(), "enabled".to_owned())]);
        for (targets, near) in [
            (serde_json::json!({ "tag:VssBackup": ["Enabled"] }), true),
            (serde_json::json!({ "tag:vssbackup": ["enabled"] }), true),
            (serde_json::json!({ "tag:VssBackup": ["enabled"] }), false),
            (serde_json::json!({ "tag:VssBackup": ["other", "enabled"] }), false),
            (serde_json::json!({ "tag:VssBackup": ["disabled"] }), false),
            (serde_json::json!({ "InstanceIds": ["i-1"] }), false),
        ] {
            assert_eq!(!near_targets(&targets, &tags).is_empty(), near, "{targets}");
        }
    }
}
