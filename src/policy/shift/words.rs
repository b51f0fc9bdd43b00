//! A difference in words.

use super::Grant;
use crate::policy::pattern::Pattern;

/// How many names of one sort are told.
const SHOWN: usize = 4;
/// The most characters of a condition that are told.
const LONGEST: usize = 300;

impl Grant {
    /// Says what it is, as part of a sentence: ``` `s3:Get*` on `*` where {...}```. Its text is the documents' own.
    pub fn words(&self) -> String {
        let mut text = of(&self.actions, &self.not_actions, SHOWN);
        if !self.resources.is_empty() || !self.not_resources.is_empty() {
            text = format!("{text} on {}", of(&self.resources, &self.not_resources, SHOWN));
        }
        if !self.principals.is_empty() || !self.not_principals.is_empty() {
            text = format!("{text} for {}", of(&self.principals, &self.not_principals, SHOWN));
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let word = if index == 0 { "where" } else { "and" };
            let cut: String = condition.chars().take(LONGEST).collect();
            let more = if cut.len() < condition.len() { "..." } else { "" };
            text = format!("{text} {word} {cut}{more}");
        }
        if !self.except.is_empty() {
            text = format!("{text}, but for {}", listed(&self.except, SHOWN));
        }
        text
    }

    /// Tells whether it is about an action, in any case.
    pub fn is_about(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let fits = |pattern: &String| Pattern::wildcards(&pattern.to_ascii_lowercase()).matches(&action);
        if self.not_actions.is_empty() { self.actions.iter().any(fits) } else { !self.not_actions.iter().any(fits) }
    }
}

fn of(names: &[String], others: &[String], most: usize) -> String {
    if others.is_empty() { listed(names, most) } else { format!("all but {}", listed(others, most)) }
}

/// Names a few and counts the others.
fn listed(names: &[String], most: usize) -> String {
    let shown: Vec<String> = names.iter().take(most).map(|name| format!("`{name}`")).collect();
    match names.len().checked_sub(most) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        Some(0) | None => shown.join(", "),
    }
}
