//! Drift as metrics, for the textfile collector of `node_exporter`. There is no time in it: the collector has the
//! file's.

use std::fmt::Write as _;

use super::Drift;
use crate::plan::drift::Severity;

/// Renders the counts.
pub fn prometheus(drift: &Drift<'_>) -> String {
    let scope = drift.scope;
    let labels = format!(
        "stack=\"{}\",account=\"{}\",region=\"{}\"",
        label(&scope.stack),
        label(&scope.account_id),
        label(&scope.region)
    );
    let mut text = String::from("# HELP vssctl_drift Resources that differ from the file, by severity.\n");
    text.push_str("# TYPE vssctl_drift gauge\n");
    for severity in Severity::ALL {
        let _ = writeln!(text, "vssctl_drift{{{labels},severity=\"{severity}\"}} {}", drift.count(severity));
    }
    text.push_str("# HELP vssctl_drift_unknown Resources that could not be read or are refused.\n");
    text.push_str("# TYPE vssctl_drift_unknown gauge\n");
    let _ = writeln!(text, "vssctl_drift_unknown{{{labels}}} {}", drift.undecided().len());
    text
}

/// Escapes the value of a label.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
