//! Problems and plans as people read them on a terminal.

use super::invocation::Medium;
use super::ui::Ui;
use crate::model::{Consents, Diagnostic, Diagnostics, Severity, Sources};
use crate::plan::Plan;
use crate::render;
use crate::render::diagnostics::{Style, render_one};
use crate::render::text::{Detail, Reading};

/// Renders problems, an empty line after each.
pub(super) fn problems<'a>(
    diagnostics: impl IntoIterator<Item = &'a Diagnostic>,
    sources: &Sources,
    ui: &Ui,
) -> String {
    let style = Style { colour: true, width: ui.width() };
    diagnostics.into_iter().map(|diagnostic| render_one(diagnostic, sources, style) + "\n\n").collect()
}

/// Counts problems in words.
pub(super) fn counted(diagnostics: &Diagnostics) -> String {
    match diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count() {
        1 => "1 error".to_owned(),
        errors => format!("{errors} errors"),
    }
}

/// Renders a plan for people; `command` carries it out.
pub(super) fn render_plan(
    plan: &Plan,
    consents: &Consents,
    sources: &Sources,
    (command, detail): (&str, Detail),
    ui: &Ui,
) -> String {
    let problems = problems(&plan.diagnostics, sources, ui);
    let reading = Reading { consents, problems: &problems, command, width: ui.width(), detail };
    ui.worded(&render::text::plan(plan, &reading), Medium::Text(ui.width()))
}
