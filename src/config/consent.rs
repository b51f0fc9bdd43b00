//! `[[consent]]`: what the file consents to, where, why and until when.

use jiff::civil::Date;

use crate::model::consent::{Consent, LONGEST, Reach};
use crate::model::{Diagnostic, Hazard};

use super::problems::{Problems, safe};
use super::tree::{Node, Tree};

/// The most consents of a file.
const MOST: usize = 100;

/// Reads the consents of a file, each with all its problems.
pub(super) fn consents(root: &Node, problems: &mut Problems<'_>) -> Vec<Consent> {
    let Some(node) = root.get("consent").filter(|node| !node.faulty) else { return Vec::new() };
    let Tree::List(items) = &node.tree else { return Vec::new() };
    if items.len() > MOST {
        let message = format!("the file has {} consents, and {MOST} is the most", items.len());
        problems.add(&node.place, Diagnostic::error("VSS0220", message).label("too many"));
        return Vec::new();
    }
    items.iter().filter_map(|item| consent(item, problems)).collect()
}

fn consent(node: &Node, problems: &mut Problems<'_>) -> Option<Consent> {
    let text = |key: &str| node.get(key).filter(|node| !node.faulty).and_then(Node::text).map(ToOwned::to_owned);
    let mut wrong = |key: &str, message: String, label: &str, help: &str| {
        problems.add(&node.place_at(&[key]), Diagnostic::error("VSS0220", message).label(label).help(help));
    };
    let hazard = text("hazard").and_then(|name| match name.parse::<Hazard>() {
        Ok(hazard) => Some(hazard),
        Err(error) => {
            let help = "docs/hazards.md lists them; a plan names those that it has";
            wrong("hazard", safe(&error.to_string()), "no hazard", help);
            None
        }
    });
    let reach = text("address").and_then(|address| {
        let reach = Reach::read(&address);
        if reach.is_none() {
            let message = format!("`{}` is no address", safe(&address));
            wrong("address", message, "no address", "write one resource, such as `plan.daily`; there are no patterns");
        }
        reach
    });
    if let (Some(hazard), Some(reach)) = (hazard, &reach)
        && (hazard == Hazard::LargeChange) != (*reach == Reach::Stack)
    {
        let message = format!("`{hazard}` is no hazard of `{reach}`");
        wrong(
            "address",
            message,
            "another place",
            "`large-change` is of the `stack`, and all others are of a resource",
        );
        return None;
    }
    let reason = text("reason").filter(|reason| {
        let is_said = !reason.trim().is_empty();
        if !is_said {
            wrong("reason", "a consent needs a reason".to_owned(), "empty", "say to the reviewer why it is meant");
        }
        is_said
    });
    let until = text("until").and_then(|text| match text.parse::<Date>() {
        Ok(date) if text.len() == 10 => Some(date),
        Ok(_) | Err(_) => {
            let message = format!("`{}` is no date", safe(&text));
            wrong("until", message, "no date", "write the last day on which it holds, in UTC: `\"2026-12-31\"`");
            None
        }
    });
    let location = Some(problems.sources.locate(&node.place));
    Some(Consent { hazard: hazard?, reach: reach?, reason: reason?, until: until?, location })
}

/// Judges consents on a day: one that lasts too long is an error, one whose time is over is a warning and covers
/// nothing.
pub fn judged(consents: &[Consent], today: Date) -> Vec<Diagnostic> {
    let told = consents.iter().filter_map(|consent| {
        let Consent { hazard, reach, until, .. } = consent;
        let said = format!("the consent to `{hazard}` at `{reach}`");
        let diagnostic = if consent.is_too_long(today) {
            Diagnostic::error("VSS0221", format!("{said} would hold for more than {LONGEST} days, until {until}"))
                .help("a consent is for one change: let it end soon, and write it anew where it is needed again")
        } else if consent.is_over(today) {
            Diagnostic::warning("VSS0222", format!("{said} is over since {until}, and covers nothing"))
                .help("take it out of the file, or give it another day")
        } else {
            return None;
        };
        Some(diagnostic.located(consent.location.clone()))
    });
    told.collect()
}
