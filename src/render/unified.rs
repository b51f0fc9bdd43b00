//! Two texts as a unified diff, as `diff -u` and `git diff` show it. The texts are foreign: print it through
//! [`crate::model::safe`].

use similar::TextDiff;

/// Compares two texts line by line; nothing where they are the same. The name is that of both.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    // A carriage return at the end of a line would be shown as a strange character in each line.
    let [before, after] = [before, after].map(|text| text.replace("\r\n", "\n"));
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff().context_radius(3).header(name, name).to_string()
}
