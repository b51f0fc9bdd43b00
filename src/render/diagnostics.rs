//! Problems as text: the message with its code, the place, the line with the offending text underlined, and the ways
//! out, as rustc and cargo show theirs. The last line counts them.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use unicode_width::UnicodeWidthStr;

use crate::model::Sources;
use crate::model::{Diagnostic, Diagnostics, Location, Severity};

use super::layout::paragraph;
use crate::model::safe::{Safe, is_hidden};

/// How problems are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colour codes are written.
    pub colour: bool,
    /// The columns of the terminal. Where there is none, 120 is a good choice.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, width: 120 }
    }
}

/// Characters of a line that are shown before and after the start of the underlined text.
const BEFORE: usize = 120;
const AFTER: usize = 360;
/// The least number of characters that are underlined, even where that makes the line wider than the terminal.
const LEAST: usize = 24;

/// Renders all problems, and the count of them; nothing where there are none.
pub fn render(diagnostics: &Diagnostics, sources: &Sources, style: Style) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&render_one(diagnostic, sources, style));
        text.push_str("\n\n");
    }
    text.push_str(&summary(diagnostics));
    text.push('\n');
    text
}

/// Counts problems: `2 errors, 1 warning`.
pub fn summary(diagnostics: &Diagnostics) -> String {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let noun = |count: usize, noun: &str| if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") };
    format!("{}, {}", noun(errors, "error"), noun(warnings, "warning"))
}

/// Renders one problem, without a newline at its end.
pub fn render_one(diagnostic: &Diagnostic, sources: &Sources, style: Style) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(Safe(&diagnostic.message).to_string()).id(diagnostic.code);
    let mut group = Group::with_title(title);
    if let Some(location) = &diagnostic.location {
        let label = diagnostic.label.as_deref().map(|label| Safe(label).to_string());
        let path = Safe(&location.file).to_string();
        // Beside the text stand the number of its line, the label, and the marks of what was left out.
        let digits = location.line.to_string().len();
        let taken = digits + " | ".len() + 2 * "...".len() + label.as_ref().map_or(0, |label| label.width() + 1);
        let excerpt = Excerpt::of(sources, location, style.width.saturating_sub(taken));
        // The renderer counts the column itself, which is right unless the line was cut or escaped.
        let counts = excerpt
            .as_ref()
            .is_some_and(|excerpt| excerpt.text[..excerpt.span.start].chars().count() + 1 == location.column);
        if !counts {
            group = group.element(Origin::path(path.clone()).line(location.line).char_column(location.column));
        }
        if let Some(excerpt) = excerpt {
            let annotation = AnnotationKind::Primary.span(excerpt.span).label(label);
            let snippet = Snippet::source(excerpt.text).line_start(location.line).path(counts.then_some(path));
            group = group.element(snippet.annotation(annotation));
        }
    }
    // The columns before the words of a help: those of the line number, and ` = help: `.
    let margin = diagnostic.location.as_ref().map_or(1, |location| location.line.to_string().len()) + " = help: ".len();
    for help in &diagnostic.help {
        group =
            group.element(Level::HELP.message(wrapped(&Safe(help).to_string(), style.width.saturating_sub(margin))));
    }
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let text = renderer.decor_style(DecorStyle::Ascii).term_width(style.width).render(&[group]);
    if diagnostic.location.is_some() {
        return text;
    }
    // Without a place there is no line beside which an empty gutter would make sense.
    let is_gutter = |line: &&str| anstream::adapter::strip_str(line).to_string().trim() == "|";
    text.lines().filter(|line| !is_gutter(line)).collect::<Vec<_>>().join("\n")
}

/// Breaks a line between words where it is longer than `width`; the renderer indents what follows.
fn wrapped(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    let mut text = String::new();
    paragraph(&mut text, line, 0, width);
    text.truncate(text.trim_end().len());
    text
}

/// The part of a line that is shown, made safe, and the underlined part of it.
struct Excerpt {
    text: String,
    span: Range<usize>,
}

impl Excerpt {
    /// Cuts the place of a problem out of its file, with about `room` columns underlined at most.
    fn of(sources: &Sources, location: &Location, room: usize) -> Option<Self> {
        let source = sources.text(&location.file)?;
        let start = location.start.min(source.len());
        let Range { start: begin, end: line_end } = sources.line_of(&location.file, start)?;
        let line = source[begin..line_end].trim_end_matches('\r');
        let (start, end) = (start - begin, location.end.max(start).min(begin + line.len()).saturating_sub(begin));
        let from = line[..start.min(line.len())].char_indices().rev().nth(BEFORE).map_or(0, |(at, _)| at);
        let mut excerpt = Self { text: String::new(), span: 0..0 };
        if from > 0 {
            excerpt.text.push_str("...");
        }
        // The renderer never cuts underlined text, so text that is wider than the terminal is underlined only in part.
        let before = line[from..start.min(line.len()).max(from)].chars().count();
        let room = room.saturating_sub(before).max(LEAST);
        let most = if line.get(start..end).is_some_and(|marked| marked.chars().count() > room) { room } else { AFTER };
        let mut after = 0;
        let mut marked = (None, None);
        for (at, character) in line[from..].char_indices().map(|(at, character)| (at + from, character)) {
            if after == most {
                excerpt.text.push_str("...");
                break;
            }
            if at >= start {
                marked.0.get_or_insert(excerpt.text.len());
                after += 1;
            }
            if at >= end && at > start {
                marked.1.get_or_insert(excerpt.text.len());
            }
            if !is_hidden(character) || character == '\t' {
                excerpt.text.push(character);
            } else {
                excerpt.text.extend(character.escape_unicode());
            }
        }
        let length = excerpt.text.len();
        let first = marked.0.unwrap_or(length);
        excerpt.span = first..marked.1.unwrap_or(length).max(first);
        Some(excerpt)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::load_text;

    fn shown(text: &str) -> String {
        let loaded = load_text("vss.toml", text, None);
        render(&loaded.diagnostics, &loaded.sources, Style::default())
    }

    const STACK: &str = "[stack]\nname = \"a\"\naccount_id = \"123456789012\"\nregion = \"eu-west-1\"\n";

    #[test]
    fn a_long_value_is_underlined_as_far_as_the_terminal_goes() {
        let principals = "\"arn:aws:iam::123456789012:role/somebody\", ".repeat(9);
        let text = format!("{STACK}[role.r]\npreset = [{principals}]\n");
        let loaded = load_text("vss.toml", &text, None);
        for width in [60, 80, 120] {
            let shown = render(&loaded.diagnostics, &loaded.sources, Style { colour: false, width });
            let lines = shown.lines().filter(|line| line.contains("^^^") || line.contains("arn:"));
            let widths: Vec<usize> = lines.map(UnicodeWidthStr::width).collect();
            assert!(widths.len() == 2 && widths.iter().all(|columns| *columns <= width), "{widths:?} in {shown}");
            assert!(widths.iter().any(|columns| *columns + 12 > width), "{shown}");
        }
    }

    #[test]
    fn a_problem_shows_its_line_with_the_offending_text_underlined() {
        let text =
            format!("{STACK}[vault.vss]\n[plan.daily.rule.x]\nvault = \"vss\"\nshedule = \"cron(0 5 ? * * *)\"\n");
        let expected = r#"error[VSS0102]: unknown key `shedule` in `plan.daily.rule.x`
 --> vss.toml:8:1
  |
8 | shedule = "cron(0 5 ? * * *)"
  | ^^^^^^^ unknown key
  |
  = help: did you mean `schedule`?
  = help: valid keys: "#;
        let shown = shown(&text);
        assert!(shown.starts_with(expected), "{shown}");
        assert!(shown.ends_with("\n\n1 error, 0 warnings\n"), "{shown}");
    }

    #[test]
    fn a_long_help_goes_on_below_its_first_word_and_stays_within_the_width() {
        let text = format!("{STACK}[vault.vss]\n[plan.daily.rule.x]\nvault = \"vss\"\nshedule = \"rate(1 day)\"\n");
        let loaded = load_text("vss.toml", &text, None);
        let known = |shown: &str| {
            let (_, keys) = shown.split_once("valid keys: ").unwrap();
            keys.split_once("\n\n").unwrap().0.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let wide = render(&loaded.diagnostics, &loaded.sources, Style { colour: false, width: 10_000 });
        assert_eq!(wide.lines().filter(|line| line.contains("= help: valid keys: ")).count(), 1);
        for width in [40, 80, 120] {
            let shown = render(&loaded.diagnostics, &loaded.sources, Style { colour: false, width });
            let keys: Vec<&str> = shown.lines().skip_while(|line| !line.contains("valid keys: ")).collect();
            let longest = known(&wide).iter().map(String::len).max().unwrap();
            assert!(keys.iter().all(|line| line.len() <= width.max(longest + 10)), "{shown}");
            assert!(keys[1].starts_with(&" ".repeat(10)) && !keys[1].starts_with(&" ".repeat(11)), "{shown}");
            assert_eq!(known(&shown), known(&wide));
        }
    }

    #[test]
    fn colour_codes_come_only_when_asked_for() {
        let loaded = load_text("vss.toml", "x = 1", None);
        let plain = render(&loaded.diagnostics, &loaded.sources, Style::default());
        let coloured = render(&loaded.diagnostics, &loaded.sources, Style { colour: true, width: 80 });
        assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
    }

    #[test]
    fn a_hostile_line_reaches_the_terminal_escaped() {
        let shown = shown(&format!("{STACK}[vault.vss]\nkms_key = \"\u{202e}evil\u{200b}\" # \u{1b}[2J\n"));
        assert!(shown.chars().all(|character| !is_hidden(character) || character == '\n'), "{shown}");
        assert!(shown.contains(r"\u{202e}evil"), "{shown}");
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_around_the_problem() {
        let shown = shown(&format!("{STACK}[vault.vss]\nkms_key = {} x\n", "9".repeat(500_000)));
        assert!(shown.len() < 4_000, "{}", shown.len());
    }

    #[test]
    fn nothing_is_shown_where_there_is_no_problem() {
        assert_eq!(shown(&format!("{STACK}[vault.vss]\n")), "");
    }

    proptest! {
        #[test]
        fn whatever_is_in_the_file_no_control_character_gets_out(
            text in ".{0,80}",
            start in 0usize..90,
            end in 0usize..90,
        ) {
            let loaded = load_text("vss.toml", &text, None);
            let rendered = render(&loaded.diagnostics, &loaded.sources, Style::default());
            prop_assert!(rendered.chars().all(|character| !is_hidden(character) || character == '\n'), "{}", rendered);
            let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end.max(start)));
            let location = Location { file: "vss.toml".to_owned(), start, end: end.max(start), line: 1, column: 1 };
            let one = Diagnostic::error("VSS0101", "x").located(Some(location)).label("y");
            let _ = render_one(&one, &loaded.sources, Style { colour: false, width: 20 });
        }
    }
}
