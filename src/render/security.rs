//! Who may do more and less after a plan, as a section of it: a line or a few for each difference, within a limit.

use super::layout::{ADD, BOLD, DIM, REMOVE, UNKNOWN, hanging, paragraph};
use crate::model::safe::escaped;
use crate::plan::{Security, Sign, Turn};

/// The most lines of the section.
const MOST: usize = 40;

/// The head of the section.
pub(crate) const TITLE: &str = "Security";

/// Writes the section; nothing where nothing differs.
pub(crate) fn text(security: &Security, width: usize) -> String {
    if security.is_empty() {
        return String::new();
    }
    let mut text = format!("{BOLD}{TITLE}:{BOLD:#}\n");
    let mut lines = 1;
    for (index, turn) in security.turns.iter().enumerate() {
        let (sign, style) = match turn.sign {
            Sign::Gain => ("+", ADD),
            Sign::Loss => ("-", REMOVE),
            Sign::Unknown => ("?", UNKNOWN),
        };
        let mut one = String::new();
        hanging(&mut one, &format!("{style}{sign}{style:#} {}", escaped(&sentence(turn))), [2, 4], width);
        if let Some(instances) = &turn.instances {
            paragraph(&mut one, &format!("{DIM}it is the role of {}{DIM:#}", escaped(instances)), 6, width);
        }
        let more = security.turns.len() - index;
        let is_last = more == 1 && security.left_out == 0;
        let room = if is_last { MOST } else { MOST - 1 };
        if lines + one.lines().count() > room {
            return text + &left_out(more + security.left_out);
        }
        lines += one.lines().count();
        text.push_str(&one);
    }
    if security.left_out > 0 { text + &left_out(security.left_out) } else { text }
}

fn left_out(more: usize) -> String {
    format!("  and {more} more\n")
}

/// Returns the lines of a diff, as comments of pull requests have them.
pub(crate) fn diff(security: &Security) -> Vec<String> {
    let mut lines = Vec::new();
    for turn in &security.turns {
        let sign = match turn.sign {
            Sign::Gain => "+",
            Sign::Loss => "-",
            Sign::Unknown => "!",
        };
        if lines.len() + 2 > MOST {
            break;
        }
        lines.push(escaped(&format!("{sign} {}", sentence(turn))));
        lines.extend(turn.instances.iter().map(|it| escaped(&format!("#   it is the role of {it}"))));
    }
    let shown = lines.iter().filter(|line| !line.starts_with("#   ")).count();
    let more = security.turns.len() - shown + security.left_out;
    if more > 0 {
        lines.push(format!("# and {more} more"));
    }
    lines
}

/// The difference, and whether it is what a preset is for.
fn sentence(turn: &Turn) -> String {
    if turn.preset { format!("{} (by its preset)", turn.words) } else { turn.words.clone() }
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use serde_json::json;

    use super::*;

    fn security(count: usize, left_out: usize) -> Security {
        let turn = |index: usize| {
            json!({
                "address": "role.app", "principal": "role.app", "about": "permissions", "sign": "gain",
                "words": format!("role.app gains `s3:*` on `\u{1b}[31m\n\u{202e}{index}`"),
            })
        };
        let turns: Vec<_> = (0..count).map(turn).collect();
        serde_json::from_value(json!({ "turns": turns, "left_out": left_out })).expect("a view")
    }

    #[test]
    fn the_section_has_its_limit_and_says_what_is_left_out() {
        assert_eq!(text(&security(0, 0), 80), "");
        for (count, left_out, lines, more) in
            [(39, 0, 40, None), (40, 0, 40, Some(2)), (39, 1, 40, Some(2)), (100, 7, 40, Some(69))]
        {
            let shown = strip_str(&text(&security(count, left_out), 200)).to_string();
            assert_eq!(shown.lines().count(), lines, "{count} {left_out}\n{shown}");
            let last = shown.lines().last().unwrap_or_default();
            assert_eq!(more.map(|more| format!("  and {more} more")), more.map(|_| last.to_owned()));
            assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
        }
        let lines = diff(&security(60, 3));
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (40, Some("# and 24 more")));
        assert!(lines.iter().all(|line| !line.contains(['\n', '\u{1b}', '\u{202e}'])), "{lines:?}");
    }
}
