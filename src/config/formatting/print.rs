//! From the lines of a document to its text.
//!
//! * Tables and keys begin in the first column, with one blank on each side of `=`, and stay in their order.
//! * One empty line before each table and the comments right above it; elsewhere an empty line stays, and never two.
//! * A list that has no comment in it and fits into 120 columns stands in one line. Otherwise each item has its own
//!   line, four blanks further in, with a comma behind the last one too.
//! * An inline table stays in one line as far as the lists in it allow, unless it has comments.
//! * Comments behind values in lines that follow each other begin in one column.

use unicode_width::UnicodeWidthStr;

use super::tokens::{Group, Item, Line, Value};
use super::{INDENT, WIDTH};

/// A line as it is written.
#[derive(Clone, Debug)]
struct Row {
    text: String,
    comment: Option<String>,
    sort: Sort,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Blank,
    Comment,
    Header,
    Entry,
}

const BLANK: Row = Row { text: String::new(), comment: None, sort: Sort::Blank };

/// Writes a document.
pub(super) fn print(lines: &[Line], end: &str) -> String {
    let mut page = Page::default();
    let mut is_apart = false;
    for line in lines {
        match line {
            Line::Blank => {
                is_apart = true;
                continue;
            }
            Line::Comment(text) => {
                page.part(is_apart);
                page.row(text, None, Sort::Comment);
            }
            Line::Header { text, comment } => {
                page.part(is_apart);
                page.set_apart();
                page.row(text, comment.as_ref(), Sort::Header);
            }
            Line::Entry { key, value, comment } => {
                let follows_header = page.rows.last().is_some_and(|row| row.sort == Sort::Header);
                page.part(is_apart && !follows_header);
                page.line = format!("{key} = ");
                page.put(value, 0, 0);
                page.end(comment.as_ref());
            }
        }
        is_apart = false;
    }
    let columns = columns(&page.rows);
    let mut text = String::new();
    for (row, column) in page.rows.iter().zip(columns) {
        text.push_str(&row.text);
        if let Some(comment) = &row.comment {
            text.extend(std::iter::repeat_n(' ', column.saturating_sub(row.text.width()).max(1)));
            text.push_str(comment);
        }
        text.push_str(end);
    }
    text
}

/// Returns the columns of the comments, where they are aligned.
fn columns(rows: &[Row]) -> Vec<usize> {
    let is_aligned = |row: &Row| {
        let is_open = row.text.ends_with(['[', '{']);
        row.sort == Sort::Entry && row.comment.is_some() && !is_open && !row.text.contains('\n')
    };
    let depth = |row: &Row| row.text.len() - row.text.trim_start().len();
    let mut columns = Vec::new();
    for run in rows.chunk_by(|one, next| is_aligned(one) && is_aligned(next) && depth(one) == depth(next)) {
        let column = run.iter().filter(|row| is_aligned(row)).map(|row| row.text.width() + 1).max().unwrap_or_default();
        columns.extend(std::iter::repeat_n(column, run.len()));
    }
    columns
}

/// The rows so far, and the line that is being written.
#[derive(Debug, Default)]
struct Page {
    rows: Vec<Row>,
    line: String,
}

impl Page {
    fn row(&mut self, text: &str, comment: Option<&String>, sort: Sort) {
        self.rows.push(Row { text: text.to_owned(), comment: comment.cloned(), sort });
    }

    /// Ends the line.
    fn end(&mut self, comment: Option<&String>) {
        let text = std::mem::take(&mut self.line);
        self.rows.push(Row { text, comment: comment.cloned(), sort: Sort::Entry });
    }

    /// Puts an empty line between two others, if there is to be one.
    fn part(&mut self, is_apart: bool) {
        if is_apart && !self.rows.is_empty() {
            self.rows.push(BLANK);
        }
    }

    /// Makes sure that an empty line stands between the last table and the one that comes, above its comments.
    fn set_apart(&mut self) {
        let last = self.rows.iter().rposition(|row| matches!(row.sort, Sort::Header | Sort::Entry));
        let Some(last) = last else { return };
        if self.rows[last..].iter().all(|row| row.sort != Sort::Blank) {
            self.rows.insert(last + 1, BLANK);
        }
    }

    /// Returns the column in which the line goes on.
    fn column(&self) -> usize {
        self.line.rsplit('\n').next().unwrap_or_default().width()
    }

    /// Writes a value behind what stands in the line. `behind` columns are needed after it.
    fn put(&mut self, value: &Value, depth: usize, behind: usize) {
        if let Some(flat) = flat(value)
            && self.column() + flat.width() + behind <= WIDTH
        {
            self.line.push_str(&flat);
            return;
        }
        match value {
            Value::Scalar(text) => self.line.push_str(text),
            Value::Group(group) if group.items.is_empty() && group.opening.is_none() => {
                self.line.push_str(if group.is_table { "{}" } else { "[]" });
            }
            Value::Group(group) if group.is_table && !has_comment(group) => self.inline(group, depth, behind),
            Value::Group(group) => self.broken(group, depth),
        }
    }

    /// Writes an inline table in one line, in which lists may be broken.
    fn inline(&mut self, group: &Group, depth: usize, behind: usize) {
        let values: Vec<_> = group.items.iter().filter_map(of_value).collect();
        self.line.push_str("{ ");
        for (index, (key, value, _)) in values.iter().enumerate() {
            if index > 0 {
                self.line.push_str(", ");
            }
            if let Some(key) = key {
                self.line.push_str(key);
                self.line.push_str(" = ");
            }
            let behind = if index + 1 == values.len() { behind + 2 } else { 1 };
            self.put(value, depth, behind);
        }
        self.line.push_str(" }");
    }

    /// Writes each item in a line of its own.
    fn broken(&mut self, group: &Group, depth: usize) {
        let (open, close) = if group.is_table { ('{', '}') } else { ('[', ']') };
        self.line.push(open);
        self.end(group.opening.as_ref());
        let indent = " ".repeat(depth + INDENT);
        let mut is_apart = false;
        let mut is_first = true;
        for item in &group.items {
            if matches!(item, Item::Blank) {
                is_apart = !is_first;
                continue;
            }
            self.part(std::mem::take(&mut is_apart));
            is_first = false;
            if let Item::Comment(text) = item {
                self.row(&format!("{indent}{text}"), None, Sort::Comment);
            }
            if let Some((key, value, comment)) = of_value(item) {
                self.line = key.map_or_else(|| indent.clone(), |key| format!("{indent}{key} = "));
                self.put(value, depth + INDENT, 1);
                self.line.push(',');
                self.end(comment);
            }
        }
        self.line = format!("{}{close}", " ".repeat(depth));
    }
}

fn of_value(item: &Item) -> Option<(Option<&String>, &Value, Option<&String>)> {
    match item {
        Item::Value { key, value, comment } => Some((key.as_ref(), value, comment.as_ref())),
        Item::Blank | Item::Comment(_) => None,
    }
}

/// Tells whether a comment stands right between the brackets, and not in a list or table within.
fn has_comment(group: &Group) -> bool {
    group.opening.is_some()
        || group.items.iter().any(|item| match item {
            Item::Comment(_) => true,
            Item::Value { comment, .. } => comment.is_some(),
            Item::Blank => false,
        })
}

/// Writes a value in one line; none where that can't be.
fn flat(value: &Value) -> Option<String> {
    let group = match value {
        Value::Scalar(text) => return (!text.contains('\n')).then(|| text.clone()),
        Value::Group(group) => group,
    };
    if has_comment(group) {
        return None;
    }
    let items = group.items.iter().filter_map(of_value).map(|(key, value, _)| {
        let value = flat(value)?;
        Some(key.map_or_else(|| value.clone(), |key| format!("{key} = {value}")))
    });
    let items = items.collect::<Option<Vec<_>>>()?.join(", ");
    Some(match (group.is_table, items.is_empty()) {
        (false, _) => format!("[{items}]"),
        (true, true) => "{}".to_owned(),
        (true, false) => format!("{{ {items} }}"),
    })
}
