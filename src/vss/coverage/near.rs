//! Slips in tags: an instance that a plan would select if one tag were written as the plan wants it.

use serde::{Deserialize, Serialize};

use crate::vss::evidence::{Instance, Plan};

/// A tag that looks like one that a plan asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NearMiss {
    /// The plan's name.
    pub plan: String,
    /// The selection's name.
    pub selection: String,
    /// The tag that it wants, `key=value`.
    pub wanted: String,
    /// The tag that is there.
    pub found: String,
}

/// Values that people confuse with one another.
const YES: [&str; 7] = ["enabled", "enable", "true", "yes", "on", "y", "1"];
/// Prefixes that turn a word into its opposite. A value with one is deliberate, not a slip.
const NEGATIONS: [&str; 6] = ["no", "non", "not", "un", "dis", "in"];

/// Finds the tags of an instance that are nearly what a plan with VSS asks for.
pub(super) fn near_misses(plans: &[Plan], instance: &Instance) -> Vec<NearMiss> {
    let mut found = Vec::new();
    for plan in plans.iter().filter(|plan| plan.windows_vss) {
        for selection in plan.selections.known().into_iter().flatten() {
            let exact = selection.conditions.like.iter().filter(|(_, pattern)| !pattern.contains('*'));
            let wanted = selection.list_of_tags.iter().chain(&selection.conditions.equals).chain(exact);
            for (key, value) in wanted {
                // An instance that has the wanted tag misses the plan for another reason.
                if instance.tags.get(key) == Some(value) {
                    continue;
                }
                let slips = instance
                    .tags
                    .iter()
                    .filter(|(name, text)| is_near(key, name) && (is_near(value, text) || both_mean_yes(value, text)));
                found.extend(slips.map(|(name, text)| NearMiss {
                    plan: plan.name.clone(),
                    selection: selection.name.clone(),
                    wanted: format!("{key}={value}"),
                    found: format!("{name}={text}"),
                }));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn both_mean_yes(one: &str, other: &str) -> bool {
    [one, other].into_iter().all(|text| YES.contains(&text.trim().to_lowercase().as_str()))
}

/// Tells whether two texts are the same or differ by a slip: case, white space and punctuation, or a letter or two.
fn is_near(wanted: &str, found: &str) -> bool {
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
            let near = is_near(wanted, found);
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
            assert!(!is_near(wanted, found), "{wanted} {found}");
        }
    }
}
