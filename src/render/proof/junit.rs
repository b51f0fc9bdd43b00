//! `JUnit` XML, for the test reports of pipelines: one case an instance. What could not be read is an error, what was
//! not due is skipped.

use std::fmt::Write as _;

use super::verify::evidence;
use crate::vss::verify::{Report, Verdict, Verified};

/// Renders verdicts.
pub fn verify(report: &Report) -> String {
    let failures = report.instances.iter().filter(|verified| verified.verdict.is_finding()).count();
    let (errors, skipped) = (report.count(Verdict::Unknown) + report.unread.len(), report.count(Verdict::Pending));
    let tests = report.instances.len() + report.unread.len();
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vssctl\" {counts}>\n  <testsuite \
         name=\"vssctl verify\" {counts} skipped=\"{skipped}\" timestamp=\"{}\">\n",
        report.read_at
    );
    for verified in &report.instances {
        case(&mut text, verified);
    }
    for unread in &report.unread {
        let _ = writeln!(
            text,
            "    <testcase classname=\"vssctl.read\" name=\"{}\">\n      <error message=\"{}\"/>\n    </testcase>",
            xml(&unread.action),
            xml(&unread.message)
        );
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, verified: &Verified) {
    let name =
        if verified.name.is_empty() { verified.id.clone() } else { format!("{} ({})", verified.name, verified.id) };
    let _ = write!(text, "    <testcase classname=\"vssctl.verify\" name=\"{}\"", xml(&name));
    let cause = verified.cause.as_ref().map(|cause| format!("cause: {}\nfix: {}\n", cause.cause, cause.fix));
    let proof = verified.proof.as_ref().map(|proof| format!("evidence: {}\n", evidence(proof)));
    let body = format!("{}{}", cause.unwrap_or_default(), proof.unwrap_or_default());
    let (message, kind) = (xml(&verified.reason), verified.verdict.name());
    let inner = match verified.verdict {
        Verdict::Failed | Verdict::CrashOnly | Verdict::Never | Verdict::Stale => {
            format!("<failure type=\"{kind}\" message=\"{message}\">{}</failure>", xml(&body))
        }
        Verdict::Unknown => format!("<error type=\"{kind}\" message=\"{message}\"/>"),
        Verdict::Pending => format!("<skipped message=\"{message}\"/>"),
        Verdict::Consistent => format!("<system-out>{}</system-out>", xml(&body)),
    };
    let _ = writeln!(text, ">\n      {inner}\n    </testcase>");
}

/// Escapes text for XML 1.0, which allows no control characters.
pub(in crate::render) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if crate::model::safe::is_hidden(character) => {
                let _ = write!(escaped, "{}", character.escape_unicode());
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    use super::*;
    use crate::vss::fixture;
    use crate::vss::verify::{Options, verify as judge};

    #[test]
    fn hostile_names_and_messages_stay_text() {
        let mut evidence = fixture::healthy();
        fixture::instance(&mut evidence).name = "<evil>&\"\u{1b}]]>".to_owned();
        let message = "</failure><testcase name=\"x\"/> & \u{0}";
        evidence.jobs =
            crate::vss::evidence::Known::Known(vec![fixture::fallback("j", "2026-01-14T18:00:00Z", message)]);
        let text = verify(&judge(&evidence, &Options::default()));
        let mut reader = Reader::from_str(&text);
        let mut cases = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(start) if start.name().as_ref() == "testcase" => cases += 1,
                Event::Empty(empty) => assert_ne!(empty.name().as_ref(), "testcase"),
                _ => {}
            }
        }
        assert_eq!(cases, 1, "{text}");
        assert!(text.contains("failures=\"1\"") && text.contains("type=\"crash-only\""));
    }
}
