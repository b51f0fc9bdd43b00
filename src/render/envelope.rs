//! The JSON object around every answer, format 2, and the schemas of the answers.
//!
//! A program reads `verdict` and `counts` first. What stands between them and `diagnostics` is the answer: `findings`
//! of the proofs, `resources` of `show`, `report` of what was done.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};

use crate::config;
use crate::model::{Address, Diagnostics, Scope, Severity};
use crate::plan::file;
use crate::vss::backup;
use crate::vss::coverage::{Coverage, Protection};
use crate::vss::doctor::Diagnosis;
use crate::vss::verify;

use super::drift::DriftAnswer;
use super::live::Resources;
use super::report::Ending;

/// The version of the JSON forms.
pub const FORMAT: u32 = 2;

/// An answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All was read, and nothing is wrong.
    Clean,
    /// Something is to be done about what was found.
    Findings,
    /// Something could not be read, and nothing wrong was found.
    Unknown,
    /// All is done, or there was nothing to do.
    Done,
    /// Some of it is done, and some is not.
    Incomplete,
    /// It was stopped.
    Interrupted,
    /// Nothing was done: it was refused, or nobody consented.
    Refused,
    /// It failed.
    Failed,
}

impl Verdict {
    /// Returns the verdict of a proof: what is wrong weighs more than what is unknown.
    pub fn of_proof(findings: bool, unknown: bool) -> Self {
        match (findings, unknown) {
            (true, _) => Self::Findings,
            (false, true) => Self::Unknown,
            (false, false) => Self::Clean,
        }
    }
}

/// The answer of a command, with what every answer has.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Envelope<T> {
    /// The version of this form: 2.
    pub format: u32,
    /// The program that wrote it, such as `vssctl 0.1.0`.
    pub tool: &'static str,
    /// The command, such as `verify`.
    pub command: String,
    /// The stack, account and region; null where the run ended before it knew them.
    pub scope: Option<Scope>,
    /// The answer in one word.
    pub verdict: Verdict,
    /// How many there are of each sort, by the words that the last line of the text has.
    pub counts: BTreeMap<&'static str, usize>,
    /// The answer.
    #[serde(flatten)]
    pub answer: T,
    /// The problems of the file that did not stop the run, and those of the plan.
    pub diagnostics: Diagnostics,
}

impl<T> Envelope<T> {
    /// Puts an answer into its envelope.
    pub fn new<const N: usize>(
        command: &str,
        scope: Option<&Scope>,
        verdict: Verdict,
        counts: [(&'static str, usize); N],
        answer: T,
    ) -> Self {
        Self {
            format: FORMAT,
            tool: concat!("vssctl ", env!("CARGO_PKG_VERSION")),
            command: command.to_owned(),
            scope: scope.cloned(),
            verdict,
            counts: BTreeMap::from(counts),
            answer,
            diagnostics: Diagnostics::default(),
        }
    }

    /// Adds problems.
    #[must_use]
    pub fn with(mut self, diagnostics: &Diagnostics) -> Self {
        self.diagnostics.extend(diagnostics.iter().cloned());
        self
    }
}

/// The result of an on-demand backup, as `backup --format json` writes it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BackupAnswer {
    /// What came of it.
    pub report: backup::Report,
}

/// What was checked of a file, as `validate --format json` writes it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Validation {
    /// What was checked.
    pub report: Checked,
}

/// A file that was checked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Checked {
    /// The file, as it was named.
    pub file: String,
    /// The resources that it declares, in its order; none where it has errors.
    pub resources: Vec<Address>,
}

/// A document that has a published schema of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// `plan --format json`, which is a saved plan.
    Plan,
    /// `validate --format json`.
    Validate,
    /// `verify --format json`.
    Verify,
    /// `doctor --format json`.
    Doctor,
    /// `coverage --format json`.
    Coverage,
    /// `show --format json`.
    Show,
    /// `backup --format json`.
    Backup,
    /// `drift --format json`.
    Drift,
    /// The last event of `--json`.
    Report,
}

impl Document {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Plan,
        Self::Validate,
        Self::Verify,
        Self::Doctor,
        Self::Coverage,
        Self::Show,
        Self::Backup,
        Self::Drift,
        Self::Report,
    ];

    /// Returns its name, as in `schema/NAME.schema.json` and in the flags of `vssctl schema`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Validate => "validate",
            Self::Verify => "verify",
            Self::Doctor => "doctor",
            Self::Coverage => "coverage",
            Self::Show => "show",
            Self::Backup => "backup",
            Self::Drift => "drift",
            Self::Report => "report",
        }
    }

    /// Returns its JSON Schema (draft-07).
    pub fn schema(self) -> Value {
        fn of<T: JsonSchema>() -> Value {
            let settings = SchemaSettings::draft07().for_serialize();
            settings.into_generator().into_root_schema_for::<Envelope<T>>().to_value()
        }
        let (mut schema, title) = match self {
            // A plan has types of its own, which are read as well.
            Self::Plan => return file::schema(),
            Self::Validate => (of::<Validation>(), "vssctl validate"),
            Self::Verify => (of::<verify::Report>(), "vssctl verify"),
            Self::Doctor => (of::<Diagnosis>(), "vssctl doctor"),
            Self::Coverage => (of::<Coverage>(), "vssctl coverage"),
            Self::Show => (of::<Resources>(), "vssctl show"),
            Self::Backup => (of::<BackupAnswer>(), "vssctl backup"),
            Self::Drift => (of::<DriftAnswer>(), "vssctl drift"),
            Self::Report => (of::<Ending>(), "the last event of --json"),
        };
        schema["title"] = json!(title);
        schema["properties"]["format"]["const"] = json!(FORMAT);
        schema
    }
}

/// Returns the envelope of what `validate` found. A file with errors failed; a warning is a finding.
pub fn validate(file: &str, read: &config::Loaded) -> Envelope<Validation> {
    let config::Loaded { config, diagnostics, sources: _ } = read;
    let config = config.as_ref().filter(|_| !diagnostics.has_errors());
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let resources: Vec<Address> =
        config.into_iter().flat_map(|config| &config.desired).map(|desired| desired.address.clone()).collect();
    let verdict = match (config, warnings) {
        (None, _) => Verdict::Failed,
        (Some(_), 0) => Verdict::Clean,
        (Some(_), _) => Verdict::Findings,
    };
    let counts = [("resources", resources.len()), ("errors", errors), ("warnings", warnings)];
    let report = Checked { file: file.to_owned(), resources };
    let scope = config.map(|config| &config.scope);
    Envelope::new("validate", scope, verdict, counts, Validation { report }).with(diagnostics)
}

/// Returns the envelope of a result of `verify`.
pub fn verify(report: &verify::Report, scope: &Scope) -> Envelope<verify::Report> {
    let counts = verify::Verdict::ALL.map(|verdict| (verdict.name(), report.count(verdict)));
    let verdict = Verdict::of_proof(report.has_findings(), report.has_unknown());
    Envelope::new("verify", Some(scope), verdict, counts, report.clone())
}

/// Returns the envelope of a result of `doctor`.
pub fn doctor(diagnosis: &Diagnosis, scope: &Scope) -> Envelope<Diagnosis> {
    use crate::vss::doctor::Severity;
    let of = |severity: Severity| (severity.name(), diagnosis.count(severity));
    let unknown = diagnosis.undecided.len() + diagnosis.unread.len();
    let counts = [of(Severity::Error), of(Severity::Warning), of(Severity::Advice), ("unknown", unknown)];
    let verdict = Verdict::of_proof(diagnosis.has_findings(), diagnosis.has_unknown());
    Envelope::new("doctor", Some(scope), verdict, counts, diagnosis.clone())
}

/// Returns the envelope of the result of an on-demand backup.
pub fn backup(report: backup::Report, scope: &Scope) -> Envelope<BackupAnswer> {
    let verdict = match (report.is_consistent(), report.is_backup()) {
        (true, _) => Verdict::Clean,
        (false, true) => Verdict::Findings,
        (false, false) => Verdict::Failed,
    };
    let counts = [("consistent", usize::from(report.is_consistent()))];
    Envelope::new("backup", Some(scope), verdict, counts, BackupAnswer { report })
}

/// Returns the envelope of a result of `coverage`.
pub fn coverage(report: &Coverage, scope: &Scope) -> Envelope<Coverage> {
    let counts = [
        ("with-vss", report.count(Protection::Vss)),
        ("without-vss", report.count(Protection::WithoutVss)),
        ("unprotected", report.count(Protection::Unprotected)),
        ("twice", report.overlapping()),
        ("unknown", report.count(Protection::Unknown)),
    ];
    let verdict = Verdict::of_proof(report.has_findings(), report.has_unknown());
    Envelope::new("coverage", Some(scope), verdict, counts, report.clone())
}
