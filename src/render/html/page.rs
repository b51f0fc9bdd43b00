//! The parts that every page has: head, style, landmarks, the source of the evidence, and what could not be read.

use std::fmt::Write as _;

use super::Origin;
use super::escape::{code, foreign, prose, text};
use crate::vss::Moment;
use crate::vss::evidence::Unread;

/// How a count or a verdict looks. Its word and its sign always stand beside the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubtful,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Doubtful => "doubtful",
            Self::Plain => "plain",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✕",
            Self::Doubtful => "?",
            Self::Plain => "–",
        }
    }
}

/// What a page is about.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) origin: Origin<'a>,
    /// Such as `Backup verification`.
    pub(super) title: &'a str,
    /// The command that made it.
    pub(super) command: &'a str,
    pub(super) read_at: Moment,
    /// The verdict in a sentence.
    pub(super) verdict: &'a str,
    pub(super) tone: Tone,
    /// Counts under the verdict.
    pub(super) counts: Vec<(usize, &'static str, Tone)>,
    /// More facts about the evidence: name, and value as HTML.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) unread: &'a [Unread],
    /// The sections that follow: id, heading, and HTML.
    pub(super) sections: Vec<(&'static str, &'static str, String)>,
}

impl Page<'_> {
    /// Writes the page.
    pub(super) fn render(&self) -> String {
        let Origin { scope, .. } = self.origin;
        let heading = format!("{}: {}", self.title, text(&scope.stack));
        let mut page = String::with_capacity(64 * 1024);
        let _ = write!(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n\
             <meta charset=\"utf-8\" />\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             img-src data:\" />\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
             <meta name=\"color-scheme\" content=\"light dark\" />\n\
             <meta name=\"referrer\" content=\"no-referrer\" />\n\
             <meta name=\"generator\" content=\"vssctl {version}\" />\n\
             <title>{heading}, {account}, {day}</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the verdict</a>\n\
             <header>\n<p class=\"kicker\">vssctl {command}</p>\n<h1>{heading}</h1>\n</header>\n",
            version = env!("CARGO_PKG_VERSION"),
            account = text(&scope.account_id),
            day = self.read_at.day(),
            style = include_str!("page.css"),
            command = self.command,
        );
        if self.origin.sandbox {
            page.push_str(
                "<p class=\"warning\" role=\"note\"><strong>Simulated account.</strong> This report was made with \
                 <code>--sandbox</code>. It proves nothing about any real server.</p>\n",
            );
        }
        page.push_str("<main id=\"main\" tabindex=\"-1\">\n");
        self.verdict(&mut page);
        self.contents(&mut page);
        self.unread(&mut page);
        for (id, heading, html) in &self.sections {
            let _ =
                write!(page, "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{heading}</h2>\n{html}</section>\n");
        }
        self.facts(&mut page);
        let _ = write!(
            page,
            "</main>\n<footer>\n<p>Made by vssctl {} from what AWS answered at {}. All times are UTC. This file is \
             complete in itself: it loads nothing and runs nothing.</p>\n</footer>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION"),
            self.read_at.for_people()
        );
        page
    }

    fn verdict(&self, page: &mut String) {
        let _ = write!(
            page,
            "<section class=\"verdict {}\" aria-labelledby=\"verdict\">\n<h2 id=\"verdict\">Verdict</h2>\n\
             <p class=\"said\"><span class=\"sign\" aria-hidden=\"true\">{}</span> {}</p>\n<ul class=\"counts\">\n",
            self.tone.class(),
            self.tone.sign(),
            text(self.verdict)
        );
        for (count, word, tone) in &self.counts {
            let class = if *count == 0 { "plain" } else { tone.class() };
            let _ = writeln!(page, "<li class=\"{class}\"><strong>{count}</strong> {word}</li>");
        }
        let Origin { scope, caller, .. } = self.origin;
        let _ = write!(
            page,
            "</ul>\n<p class=\"about\">Account {}, {}, read at {} by {}.</p>\n</section>\n",
            code(&scope.account_id),
            code(&scope.region),
            time(self.read_at),
            code(caller)
        );
    }

    fn contents(&self, page: &mut String) {
        page.push_str("<nav aria-label=\"Contents\">\n<ul>\n");
        if !self.unread.is_empty() {
            page.push_str("<li><a href=\"#unread\">What could not be read</a></li>\n");
        }
        for (id, heading, _) in &self.sections {
            let _ = writeln!(page, "<li><a href=\"#{id}\">{heading}</a></li>");
        }
        page.push_str("<li><a href=\"#evidence\">Where the evidence is from</a></li>\n</ul>\n</nav>\n");
    }

    fn unread(&self, page: &mut String) {
        if self.unread.is_empty() {
            return;
        }
        page.push_str(
            "<section class=\"unread\" aria-labelledby=\"unread\">\n<h2 id=\"unread\">What could not be read</h2>\n\
             <p>What follows is unknown, not missing, and the verdict may be better or worse than it says.</p>\n<ul>\n",
        );
        for one in self.unread {
            let _ = writeln!(
                page,
                "<li>{}: {}. Allow it to the credentials in use, and make the report again.</li>",
                code(&one.action),
                foreign(one.message.trim_end_matches('.'))
            );
        }
        page.push_str("</ul>\n</section>\n");
    }

    fn facts(&self, page: &mut String) {
        let Origin { scope, caller, file, digest, sandbox } = self.origin;
        page.push_str(
            "<section aria-labelledby=\"evidence\">\n<h2 id=\"evidence\">Where the evidence is from</h2>\n\
             <dl class=\"facts\">\n",
        );
        let mut facts = vec![
            ("Stack", code(&scope.stack)),
            ("AWS account", format!("{}{}", code(&scope.account_id), if sandbox { ", simulated" } else { "" })),
            ("Region", code(&scope.region)),
            ("Read by", code(caller)),
            ("Read at", time(self.read_at)),
            ("Configuration", format!("{}, SHA-256 {}", code(file), code(digest))),
            ("Tool", prose(concat!("vssctl ", env!("CARGO_PKG_VERSION")))),
        ];
        facts.extend(self.facts.iter().cloned());
        for (name, value) in facts {
            let _ = writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        page.push_str("</dl>\n</section>\n");
    }
}

/// Writes a moment for people and programs.
pub(super) fn time(moment: Moment) -> String {
    format!("<time datetime=\"{moment}\">{}</time>", moment.for_people())
}

/// Writes a verdict as a word in a frame.
pub(super) fn badge(word: &str, tone: Tone) -> String {
    format!(
        "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
        tone.class(),
        tone.sign(),
        text(word)
    )
}

/// Writes a table that scrolls within the page where it is wider, with the keyboard too. Rows are HTML; the first cell
/// of each is its header.
pub(super) fn table(caption: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = format!(
        "<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\">\n<table>\n<caption>{0}</caption>\n\
         <thead><tr>",
        text(caption)
    );
    for column in columns {
        let _ = write!(table, "<th scope=\"col\">{column}</th>");
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        table.push_str("<tr>");
        for (index, cell) in row.iter().enumerate() {
            let _ = match index {
                0 => write!(table, "<th scope=\"row\">{cell}</th>"),
                _ => write!(table, "<td>{cell}</td>"),
            };
        }
        table.push_str("</tr>\n");
    }
    table.push_str("</tbody>\n</table>\n</div>\n");
    table
}
