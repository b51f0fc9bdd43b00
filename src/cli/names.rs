//! Names in hints: the one that was probably meant, and those that there are.

/// Finds the candidate that was probably meant.
pub(super) fn nearest<'a>(text: &str, candidates: &'a [String]) -> Option<&'a str> {
    let likeness = |candidate: &str| {
        let key = candidate.split_once('.').map_or(candidate, |(_, key)| key);
        let (text, candidate, key) = (text.to_lowercase(), candidate.to_lowercase(), key.to_lowercase());
        strsim::jaro_winkler(&text, &candidate).max(strsim::jaro_winkler(&text, &key))
    };
    candidates
        .iter()
        .map(|candidate| (likeness(candidate), candidate.as_str()))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Lists a few names in a sentence.
pub(super) fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match (names.len(), names.len().checked_sub(MOST)) {
        (0, _) => "nothing in it".to_owned(),
        (_, Some(more @ 1..)) => format!("{} and {more} more", shown.join(", ")),
        (_, _) => shown.join(", "),
    }
}
