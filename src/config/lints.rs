//! Lints of documents, and the entries that allow them: `allow = [{ code = "VSS1011", reason = "..." }]`.

use crate::model::Diagnostic;
use crate::policy::lint::{LINTS, Lint};

use super::context::{Context, Entry};
use super::problems::safe;
use super::structure::closest;
use crate::kind::values::Allowance;
use crate::model::source::Place;

impl Context<'_> {
    /// Reports a lint of `subject`, the beginning of the sentence, unless the entry allows it.
    pub(crate) fn report_lint<T>(&mut self, entry: &Entry<'_, T>, place: &Place, subject: &str, lint: &Lint) {
        let Lint { code, is_error, message, path, help } = lint;
        if allowances(entry).iter().any(|allowance| allowance.code == *code) {
            self.allowed.insert((entry.address.clone(), code));
            return;
        }
        let index = path.strip_prefix("Statement[").and_then(|rest| rest.strip_suffix(']'));
        let subject = match index.and_then(|index| index.parse::<usize>().ok()) {
            Some(index) => format!("statement {} of {subject}", index + 1),
            None => subject.to_owned(),
        };
        let message = format!("{subject} {}", safe(message));
        let diagnostic = if *is_error { Diagnostic::error(code, message) } else { Diagnostic::warning(code, message) };
        let diagnostic = diagnostic.at(&entry.address).label("not what a policy should say").help(help.clone());
        let way = format!("if it is meant: `allow = [{{ code = \"{code}\", reason = \"...\" }}]`");
        self.report(place, if *is_error { diagnostic.help(way) } else { diagnostic });
    }

    /// Checks the allowances of an entry after all of its documents were linted.
    pub(crate) fn check_allowances<T>(&mut self, entry: &Entry<'_, T>) {
        for (index, allowance) in allowances(entry).into_iter().enumerate() {
            let index = index.to_string();
            let Allowance { code, reason } = &allowance;
            if reason.trim().is_empty() {
                let diagnostic = entry
                    .error("VSS1001", format!("`{}` is allowed without a reason", safe(code)))
                    .label("empty")
                    .help("say why it is meant");
                self.report(&entry.place(&["allow", &index, "reason"]), diagnostic);
            }
            let place = entry.place(&["allow", &index, "code"]);
            if !LINTS.contains(&code.as_str()) {
                let diagnostic =
                    entry.error("VSS1001", format!("`{}` is no lint", safe(code))).label("can't be allowed");
                let diagnostic = match closest(code, &LINTS) {
                    Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                    None => diagnostic.help("lints have codes from `VSS1010` to `VSS1043`"),
                };
                self.report(&place, diagnostic);
            } else if !self.allowed.iter().any(|(address, used)| *address == entry.address && used == code) {
                let diagnostic = entry
                    .warning("VSS1002", format!("`{}` allows `{code}`, which nothing in it breaks", entry.address))
                    .label("not needed")
                    .help("take it out, so that it hides nothing later");
                self.report(&place, diagnostic);
            }
        }
    }
}

/// Reads what an entry allows; faults of its form have been reported.
fn allowances<T>(entry: &Entry<'_, T>) -> Vec<Allowance> {
    let Some(node) = entry.node.get("allow").filter(|node| !node.has_fault()) else { return Vec::new() };
    serde_json::from_value(node.to_json()).unwrap_or_default()
}
