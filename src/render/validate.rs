//! What `validate` found, for code scanning and for the test reports of pipelines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::plan::sarif::{described, result};
use super::plan::{Level, Notable};
use super::proof::junit::xml;
use super::sarif::{Found, Origin, log};
use crate::config::Loaded;
use crate::model::{Diagnostic, Severity};

/// Renders problems as SARIF, each at its place. `uri` names a file as the repository does.
pub fn sarif(read: &Loaded, origin: &Origin<'_>, uri: &dyn Fn(&str) -> String) -> Value {
    let notable = |diagnostic: &Diagnostic| Notable {
        level: match diagnostic.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        },
        rule: diagnostic.code.to_owned(),
        address: diagnostic.address.clone(),
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone(),
        location: diagnostic.location.clone(),
    };
    let found: Vec<Found> = read.diagnostics.iter().map(|diagnostic| result(&notable(diagnostic), uri)).collect();
    log(&found, origin, described, &BTreeMap::new())
}

/// Renders problems as `JUnit` XML: one case for each resource of the file, and one for each problem that names none.
/// An error is a failure; a warning stands in the output of its case.
pub fn junit(read: &Loaded) -> String {
    let mut cases: BTreeMap<String, Vec<&Diagnostic>> = BTreeMap::new();
    for entry in read.config.iter().flat_map(|config| &config.desired) {
        cases.entry(entry.address.to_string()).or_default();
    }
    for diagnostic in &read.diagnostics {
        let name = match (&diagnostic.address, &diagnostic.location) {
            (Some(address), _) => address.to_string(),
            (None, Some(place)) => format!("{}:{}:{} {}", place.file, place.line, place.column, diagnostic.code),
            (None, None) => diagnostic.code.to_owned(),
        };
        cases.entry(name).or_default().push(diagnostic);
    }
    let is_error = |diagnostic: &&&Diagnostic| diagnostic.severity == Severity::Error;
    let failed: BTreeSet<&String> =
        cases.iter().filter(|(_, found)| found.iter().any(|one| is_error(&one))).map(|(name, _)| name).collect();
    let counts = format!("tests=\"{}\" failures=\"{}\" errors=\"0\"", cases.len(), failed.len());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vssctl\" {counts}>\n  <testsuite \
         name=\"vssctl validate\" {counts}>\n"
    );
    for (name, found) in &cases {
        let _ = write!(text, "    <testcase classname=\"vssctl.validate\" name=\"{}\">", xml(name));
        for one in found {
            let said = xml(&sentence(one));
            let inner = match one.severity {
                Severity::Error => {
                    format!("<failure type=\"{}\" message=\"{}\">{said}</failure>", one.code, xml(&one.message))
                }
                Severity::Warning => format!("<system-out>{said}</system-out>"),
            };
            let _ = write!(text, "\n      {inner}");
        }
        let end = if found.is_empty() { "" } else { "\n    " };
        let _ = writeln!(text, "{end}</testcase>");
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Writes a problem with its code, its place and the way out.
fn sentence(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.location.as_ref();
    let place = place.map(|place| format!(" at {}:{}:{}", place.file, place.line, place.column)).unwrap_or_default();
    let mut text = format!("{}{place}: {}\n", diagnostic.code, diagnostic.message);
    for help in &diagnostic.help {
        let _ = writeln!(text, "{help}");
    }
    text
}
