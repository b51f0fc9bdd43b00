//! Findings for people.

use std::fmt::Write as _;

use super::{counted, head, headline, line, tally, unread};
use crate::model::Scope;
use crate::model::safe::escaped;
use crate::render::layout::{BOLD, CHANGE, DIM, REMOVE, UNKNOWN, paragraph};
use crate::vss::doctor::{Diagnosis, Finding, Severity, Subject};

/// Renders the findings, the worst first.
pub fn text(diagnosis: &Diagnosis, scope: &Scope, width: usize) -> String {
    let mut text = String::new();
    let about = format!("Account {}, {}, read at {}.", scope.account_id, scope.region, diagnosis.read_at.for_people());
    headline(&mut text, &verdict(diagnosis), &about, width);
    for finding in &diagnosis.findings {
        text.push('\n');
        block(&mut text, finding, width);
    }
    if !diagnosis.undecided.is_empty() {
        text.push('\n');
        let _ = writeln!(text, "{UNKNOWN}?{UNKNOWN:#} {BOLD}Undecided{BOLD:#}, because AWS did not say:");
        for undecided in &diagnosis.undecided {
            let said = format!("{} {}: {}", undecided.check, undecided.subject.title(), undecided.reason);
            paragraph(&mut text, &escaped(&said), 4, width);
        }
    }
    unread(&mut text, &diagnosis.unread, width);
    if let Some(said) = packages(diagnosis) {
        text.push('\n');
        paragraph(&mut text, &format!("{UNKNOWN}?{UNKNOWN:#} {}", escaped(&said)), 2, width);
    }
    if !diagnosis.not_looked.is_empty() && !diagnosis.examined.is_empty() {
        text.push('\n');
        let checks = diagnosis.not_looked.join(" ");
        let said = if diagnosis.inspected == 0 {
            format!(
                "{DIM}Not looked into the instances ({checks}): `vssctl doctor --run-commands` runs one PowerShell \
                 script there, which only reads.{DIM:#}"
            )
        } else {
            format!(
                "{DIM}Looked into {} of {} only ({checks}): the others do not run, or their agents do not \
                 answer.{DIM:#}",
                diagnosis.inspected,
                counted(diagnosis.examined.len(), "instance")
            )
        };
        paragraph(&mut text, &said, 0, width);
    }
    let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", last_line(diagnosis));
    text
}

/// Lists the instances of which no source tells whether they have the package.
pub(super) fn packages(diagnosis: &Diagnosis) -> Option<String> {
    const MOST: usize = 10;
    let all = &diagnosis.unknown_packages;
    let mut names: Vec<String> = all.iter().take(MOST).map(Subject::title).collect();
    if let Some(more @ 1..) = all.len().checked_sub(MOST) {
        names.push(format!("{more} more"));
    }
    (!all.is_empty()).then(|| {
        let looks = if diagnosis.inspected == 0 { " `vssctl doctor --run-commands` looks." } else { "" };
        format!(
            "AwsVssComponents: unknown on {} (no VSS backup and no installation by AWS-ConfigureAWSPackage tells of \
             it): {}.{looks}",
            counted(all.len(), "instance"),
            names.join(", ")
        )
    })
}

/// Returns the verdict in a sentence.
pub(super) fn verdict(diagnosis: &Diagnosis) -> String {
    let examined = diagnosis.examined.len();
    let (errors, warnings) = (diagnosis.count(Severity::Error), diagnosis.count(Severity::Warning));
    match (examined, errors, warnings) {
        (0, 0, 0) if diagnosis.has_unknown() => "Nothing could be examined.".to_owned(),
        (0, 0, 0) => "There is no Windows instance to examine.".to_owned(),
        (_, 0, 0) if diagnosis.has_unknown() => {
            format!("Nothing wrong was found with {}, and not everything could be read.", counted(examined, "instance"))
        }
        (_, 0, 0) => format!("Nothing stands in the way of VSS on {}.", counted(examined, "instance")),
        (_, 0, _) => format!("{} about {}.", counted(warnings, "warning"), counted(examined, "instance")),
        (_, _, _) => format!(
            "VSS will not work: {}, {}, {} examined.",
            counted(errors, "error"),
            counted(warnings, "warning"),
            counted(examined, "instance")
        ),
    }
}

/// Returns the last line, which pipelines may match.
pub fn last_line(diagnosis: &Diagnosis) -> String {
    let count = |severity: Severity| (diagnosis.count(severity), severity.name());
    let counts = [Severity::Error, Severity::Warning, Severity::Advice].map(count);
    let unknown = diagnosis.undecided.len() + diagnosis.unread.len();
    format!("Doctor: {}.", tally(counts.into_iter().chain([(unknown, "unknown")])).replace("nothing", "no findings"))
}

fn block(text: &mut String, finding: &Finding, width: usize) {
    let (sign, style) = match finding.severity {
        Severity::Error => ("!", REMOVE),
        Severity::Warning => ("~", CHANGE),
        Severity::Advice => ("i", DIM),
    };
    head(
        text,
        sign,
        style,
        &format!("{} {}", finding.check, escaped(&finding.subject.title())),
        finding.severity.name(),
        width,
    );
    paragraph(text, &format!("{}.", escaped(&finding.problem)), 4, width);
    for seen in &finding.evidence {
        line(text, "evidence", seen, width);
    }
    line(text, "remedy", &finding.remedy, width);
    line(text, "see", &format!("{}, {}", finding.page, finding.url), width);
}
