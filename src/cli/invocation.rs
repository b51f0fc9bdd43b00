//! How the command lines are worded that vssctl prints: with the options of this run, so that whoever follows one acts
//! on the same file and account.
//!
//! The floors below write a line as `` `vssctl apply` ``, and do not know what the run was given. Here the options are
//! put into each such line of what is printed, quoted for a shell. A line that has options right behind `vssctl` has
//! been worded already.

use std::ffi::OsStr;

use serde_json::Value;

use super::arguments::Global;
use crate::model::safe::escaped;
use crate::render::columns;

/// How a line begins within a text, and within a page.
const START: &str = "`vssctl";
const START_OF_CODE: &str = "<code><bdi>vssctl";

/// The commands that have to do with no file and no account, or with another one.
const OTHERS: [&str; 5] = ["completion", "explain", "init", "schema", "version"];

/// The options that another command needs to mean the same file and account, each after a blank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation(String);

/// What a text is written in, which decides how options stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// For people, in so many columns.
    Text(usize),
    Json,
    Markdown,
    /// HTML and XML.
    Markup,
}

impl Invocation {
    /// Takes the options of a run.
    pub(super) fn of(global: &Global) -> Self {
        Self::with_file(global, global.file.as_deref().map(AsRef::as_ref))
    }

    /// Takes the options of a run, with another file.
    pub(super) fn with_file(global: &Global, file: Option<&OsStr>) -> Self {
        let mut line = String::new();
        let mut add = |option: &str, value: Option<&OsStr>| {
            let value = value.map(|value| shell_word(&value.to_string_lossy()));
            line = format!("{line} {option}{}", value.unwrap_or_default());
        };
        if let Some(folder) = &global.chdir {
            add("--chdir ", Some(folder.as_os_str()));
        }
        if let Some(file) = file {
            add("--file ", Some(file));
        }
        match &global.sandbox {
            Some(file) if file.is_empty() => add("--sandbox", None),
            Some(file) => add("--sandbox=", Some(file)),
            None => {}
        }
        if let Some(profile) = &global.profile {
            add("--profile ", Some(profile.as_ref()));
        }
        if let Some(url) = &global.endpoint_url {
            add("--endpoint-url ", Some(url.as_ref()));
        }
        if global.allow_endpoint {
            add("--allow-endpoint", None);
        }
        Self(escaped(&line))
    }

    /// Returns the options, each after a blank.
    pub(super) fn options(&self) -> &str {
        &self.0
    }

    /// Puts the options into each command line of a text.
    pub(super) fn worded(&self, text: &str, medium: Medium) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        let options = match medium {
            Medium::Text(_) => self.0.clone(),
            Medium::Json => within_json(&self.0),
            Medium::Markdown => self.0.replace('|', "\\|"),
            Medium::Markup => {
                self.0.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
            }
        };
        let written = inserted(text, START, &options);
        match medium {
            Medium::Text(width) => refitted(text, &written, width),
            Medium::Markup => inserted(&written, START_OF_CODE, &options),
            Medium::Json | Medium::Markdown => written,
        }
    }
}

/// Writes options into each line of a text that begins so.
fn inserted(text: &str, begin: &str, options: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(begin) {
        let (before, after) = rest.split_at(start + begin.len());
        written.push_str(before);
        if is_acting(after) {
            written.push_str(options);
        }
        rest = after;
    }
    written + rest
}

/// Writes a text as it stands within a string of JSON.
fn within_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Tells whether a command that acts on an account follows, perhaps on the next line of a paragraph.
fn is_acting(after: &str) -> bool {
    let word = after.trim_start();
    let command: String = word.chars().take_while(char::is_ascii_lowercase).collect();
    word.len() < after.len() && !command.is_empty() && !OTHERS.contains(&command.as_str())
}

/// Breaks the lines that have become longer than there is room for. What is too much goes to the front of the next
/// line, where that is indented as the rest of a paragraph is, and else on a line of its own.
fn refitted(old: &str, new: &str, width: usize) -> String {
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let mut written: Vec<String> = Vec::with_capacity(new.len());
    // What the line before had too much, and from how far to the right on a line goes on with its paragraph.
    let mut carried: Option<(String, usize)> = None;
    for (index, line) in new.iter().enumerate() {
        let indent = indent_of(line);
        let mut is_longer = old.get(index) != Some(line);
        let mut line = (*line).to_owned();
        let mut least = indent + 1;
        if let Some((words, from)) = carried.take() {
            line = format!("{:indent$}{words} {}", "", line.trim_start());
            (is_longer, least) = (true, from);
        }
        let next = new.get(index + 1).copied().unwrap_or_default();
        let goes_on = !next.trim().is_empty() && indent_of(next) >= least;
        while is_longer && columns(&line) > width {
            let fits = |at: &usize| columns(&line[..*at]) <= width;
            let mut breaks = line.match_indices(' ').map(|(at, _)| at).filter(|at| *at > indent).filter(fits);
            let Some(at) = breaks.next_back() else { break };
            let tail = line.split_off(at).trim_start().to_owned();
            written.push(std::mem::take(&mut line));
            if goes_on && indent_of(next) + columns(&tail) < width {
                carried = Some((tail, least));
                break;
            }
            line = format!("{:indent$}{tail}", "");
        }
        if carried.is_none() {
            written.push(line);
        }
    }
    written.join("\n")
}

/// Quotes a word for a shell where it needs quotes.
pub(super) fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::arguments::Arguments;
    use super::*;

    fn of(line: &[&str]) -> Invocation {
        let words = ["vssctl"].iter().chain(line).chain(&["plan"]);
        Invocation::of(&Arguments::parse_from(words).global)
    }

    #[test]
    fn the_options_of_a_run_are_written_so_that_a_shell_reads_them_back() {
        let options = |line: &[&str]| of(line).0;
        assert_eq!(options(&[]), "");
        assert_eq!(options(&["--sandbox"]), " --sandbox");
        assert_eq!(options(&["--sandbox=a b.json", "-f", "it's.toml"]), r" --file 'it'\''s.toml' --sandbox='a b.json'");
        assert_eq!(
            options(&["-C", "x", "--profile", "p", "--endpoint-url", "http://127.0.0.1:1", "--allow-endpoint"]),
            " --chdir x --profile p --endpoint-url http://127.0.0.1:1 --allow-endpoint"
        );
    }

    #[test]
    fn each_command_line_gets_the_options_once() {
        let run = of(&["-f", "a\"b<c.toml", "--sandbox"]);
        let worded = |text: &str, medium| run.worded(text, medium);
        let wide = Medium::Text(200);
        // The lines of tests are not run as those of texts are: they stand without backticks here.
        let line = |line: &str| format!("`{line}`");
        let text = format!(
            "run {}, or {}; {} says more, `vssctl` too",
            line("vssctl apply"),
            line("vssctl doctor i-0123"),
            line("vssctl explain VSS0102")
        );
        let once = worded(&text, wide);
        let options = "--file 'a\"b<c.toml' --sandbox";
        assert_eq!(
            once,
            format!(
                "run {}, or {}; {} says more, `vssctl` too",
                line(&format!("vssctl {options} apply")),
                line(&format!("vssctl {options} doctor i-0123")),
                line("vssctl explain VSS0102")
            )
        );
        assert_eq!(worded(&once, wide), once);
        assert_eq!(worded(&line("vssctl\n    apply"), wide), line(&format!("vssctl {options}\n    apply")));
        let in_json = worded(&format!(r#"{{"fix": "{}"}}"#, line("vssctl apply")), Medium::Json);
        let read: serde_json::Value = serde_json::from_str(&in_json).expect("JSON still");
        assert_eq!(read["fix"], line(&format!("vssctl {options} apply")));
        let in_markup = worded(&line("vssctl apply"), Medium::Markup);
        assert_eq!(in_markup, line("vssctl --file 'a&quot;b&lt;c.toml' --sandbox apply"));
        let in_page =
            worded("<code><bdi>vssctl apply</bdi></code> <code><bdi>vssctl explain X</bdi></code>", Medium::Markup);
        assert_eq!(
            in_page,
            "<code><bdi>vssctl --file 'a&quot;b&lt;c.toml' --sandbox apply</bdi></code> \
             <code><bdi>vssctl explain X</bdi></code>"
        );
        assert_eq!(of(&[]).worded(&text, wide), text);
    }

    #[test]
    fn lines_that_become_too_long_are_broken_and_lose_nothing() {
        let run = of(&["--sandbox=account.json"]);
        let text = [
            "    fix: run `vssctl apply` again, and then look at",
            "      what is left",
            "    next: `vssctl plan`",
            "\nend\n",
        ];
        let shown = run.worded(&text.join("\n"), Medium::Text(52));
        let expected = [
            "    fix: run `vssctl --sandbox=account.json apply`",
            "      again, and then look at what is left",
            "    next: `vssctl --sandbox=account.json plan`",
            "\nend\n",
        ]
        .join("\n");
        assert_eq!(shown, expected);
        let alone = run.worded("  a paragraph that ends with `vssctl apply`\n  another\n", Medium::Text(44));
        let expected = "  a paragraph that ends with `vssctl\n  --sandbox=account.json apply`\n  another\n";
        assert_eq!(alone, expected);
    }
}
