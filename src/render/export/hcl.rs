//! Terraform's configuration language, as far as an export needs it: blocks, arguments and literals. No text from
//! outside becomes an expression.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// An argument's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Hcl {
    /// A literal.
    Literal(Value),
    /// A reference such as `aws_iam_role.app.arn`, made of names of our own.
    Reference(String),
    /// A list, in which references may stand.
    List(Vec<Hcl>),
    /// `jsonencode(...)` of a document.
    Json(Value),
    /// Nested blocks, each with arguments of its own.
    Blocks(Vec<Vec<(String, Hcl)>>),
}

/// Writes a block.
pub(super) fn block(head: &str, arguments: &[(String, Hcl)]) -> String {
    let mut text = String::new();
    write_block(&mut text, 0, head, arguments);
    text
}

fn write_block(text: &mut String, depth: usize, head: &str, arguments: &[(String, Hcl)]) {
    let margin = "  ".repeat(depth);
    let _ = writeln!(text, "{margin}{head} {{");
    // Arguments stand before blocks, as Terraform's own formatter wants them.
    let (blocks, plain): (Vec<_>, Vec<_>) = arguments.iter().partition(|(_, value)| matches!(value, Hcl::Blocks(_)));
    let is_short = |value: &Hcl| !written(value, depth + 1).contains('\n');
    let mut run: Vec<&(String, Hcl)> = Vec::new();
    for argument in plain {
        if is_short(&argument.1) {
            run.push(argument);
            continue;
        }
        write_aligned(text, depth + 1, &run);
        run.clear();
        write_aligned(text, depth + 1, &[argument]);
    }
    write_aligned(text, depth + 1, &run);
    for (name, value) in blocks {
        let Hcl::Blocks(inner) = value else { continue };
        for arguments in inner {
            write_block(text, depth + 1, name, arguments);
        }
    }
    let _ = writeln!(text, "{margin}}}");
}

/// Writes arguments with their signs below one another.
fn write_aligned(text: &mut String, depth: usize, arguments: &[&(String, Hcl)]) {
    let width = arguments.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in arguments {
        let _ = writeln!(text, "{}{name:width$} = {}", "  ".repeat(depth), written(value, depth));
    }
}

fn written(value: &Hcl, depth: usize) -> String {
    match value {
        Hcl::Literal(value) => literal(value, depth),
        Hcl::Reference(reference) => reference.clone(),
        Hcl::List(items) => list(&items.iter().map(|item| written(item, depth + 1)).collect::<Vec<_>>(), depth),
        Hcl::Json(document) => format!("jsonencode({})", literal(document, depth)),
        Hcl::Blocks(_) => String::new(),
    }
}

fn list(items: &[String], depth: usize) -> String {
    let one_line = format!("[{}]", items.join(", "));
    let is_short = depth * 2 + one_line.len() <= 100 && !one_line.contains('\n');
    if is_short {
        return one_line;
    }
    let margin = "  ".repeat(depth);
    let mut text = "[\n".to_owned();
    for item in items {
        let _ = writeln!(text, "{margin}  {item},");
    }
    text + &margin + "]"
}

/// Writes a literal.
fn literal(value: &Value, depth: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => list(&items.iter().map(|item| literal(item, depth + 1)).collect::<Vec<_>>(), depth),
        Value::Object(members) => object(members, depth),
    }
}

fn object(members: &Map<String, Value>, depth: usize) -> String {
    if members.is_empty() {
        return "{}".to_owned();
    }
    let margin = "  ".repeat(depth);
    let rows: Vec<(String, String)> =
        members.iter().map(|(key, value)| (member(key), literal(value, depth + 1))).collect();
    let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
    let mut text = "{\n".to_owned();
    for (key, value) in rows {
        let _ = writeln!(text, "{margin}  {key}{} = {value}", " ".repeat(width - key.chars().count()));
    }
    text + &margin + "}"
}

/// Writes the key of a member: plain where it is a name, as people write it. `for` begins an expression there.
fn member(key: &str) -> String {
    let is_plain = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && !["for", "if", "in", "null", "true", "false"].contains(&key);
    if is_plain { key.to_owned() } else { quoted(key) }
}

/// Writes a text as a quoted template in which nothing is an expression (Terraform language, "Strings and Templates").
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Doubled, the sign stands for itself before a brace.
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(letter);
                out.push(letter);
            }
            other if crate::model::safe::is_hidden(other) && u32::from(other) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
            other if crate::model::safe::is_hidden(other) => {
                let _ = write!(out, "\\U{:08x}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_text_becomes_an_expression_or_ends_its_quotes() {
        for (text, wanted) in [
            ("${aws:username}", r#""$${aws:username}""#),
            ("%{ if x }", r#""%%{ if x }""#),
            ("$${a}", r#""$$${a}""#),
            ("a$b%c $ {", r#""a$b%c $ {""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("a\nb\tc\r", r#""a\nb\tc\r""#),
            ("\u{202e}\u{7}", r#""\u202e\u0007""#),
            ("\u{e0041}", r#""\U000e0041""#),
            ("é", "\"é\""),
        ] {
            assert_eq!(quoted(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn arguments_are_aligned_and_blocks_follow() {
        let text = block(
            "resource \"a\" \"b\"",
            &[
                ("rule".to_owned(), Hcl::Blocks(vec![vec![("x".to_owned(), Hcl::Literal(json!(1)))], Vec::new()])),
                ("name".to_owned(), Hcl::Literal(json!("n"))),
                ("role_arn".to_owned(), Hcl::Reference("aws_iam_role.r.arn".to_owned())),
                ("tags".to_owned(), Hcl::Literal(json!({ "a": "b", "for": "d", "e:f": 1 }))),
            ],
        );
        let wanted = "resource \"a\" \"b\" {\n  name     = \"n\"\n  role_arn = aws_iam_role.r.arn\n  tags = {\n    \
                      a     = \"b\"\n    \"for\" = \"d\"\n    \"e:f\" = 1\n  }\n  rule {\n    \
                      x = 1\n  }\n  rule {\n  }\n}\n";
        assert_eq!(text, wanted);
    }
}
