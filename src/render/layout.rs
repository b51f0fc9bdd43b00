//! How every text of this folder is laid out: the styles, and words wrapped at a width.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

/// What is added.
pub(crate) const ADD: Style = AnsiColor::Green.on_default();
/// What is changed.
pub(crate) const CHANGE: Style = AnsiColor::Yellow.on_default();
/// What is removed, and what prevents the plan.
pub(crate) const REMOVE: Style = AnsiColor::Red.on_default();
/// What could not be read.
pub(crate) const UNKNOWN: Style = AnsiColor::Magenta.on_default();
/// Headings.
pub(crate) const BOLD: Style = Style::new().bold();
/// What is less important.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Counts the columns that styled text takes.
pub(crate) fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(UnicodeWidthStr::width).sum()
}

/// Writes words wrapped at `width`, each line indented.
pub(crate) fn paragraph(text: &mut String, words: &str, indent: usize, width: usize) {
    hanging(text, words, [indent, indent], width);
}

/// Writes words wrapped at `width`, the first line indented otherwise than the further ones.
pub(crate) fn hanging(text: &mut String, words: &str, [first, further]: [usize; 2], width: usize) {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let [first, further] = [first, further].map(|columns| " ".repeat(columns));
    // Names, ARNs and commands stay whole, so that they can be copied and searched for.
    let options = textwrap::Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(&further)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    for line in textwrap::wrap(&words, options).iter().filter(|line| !words.is_empty() && !line.is_empty()) {
        text.push_str(line);
        text.push('\n');
    }
}
