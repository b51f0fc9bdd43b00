//! Reads a fleet file and collects what is wrong with it.

use toml::Spanned;

use super::{LARGEST, ReadFleet, Scenario, ScenarioProblem, past};
use crate::model::duration;
use crate::sandbox::wire::DEFAULT_ACCOUNT;

const MINUTE: i64 = 60_000;

/// Collects what is wrong with a text.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) now: i64,
    pub(super) problems: Vec<ScenarioProblem>,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, at: usize, message: impl Into<String>) {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.problems.push(ScenarioProblem { line, column, message: message.into() });
    }

    /// Reads a duration as milliseconds.
    pub(super) fn ago(&mut self, text: Option<&Spanned<String>>) -> Option<i64> {
        let text = text?;
        match duration::minutes::parse(text.get_ref()) {
            Ok(minutes) if minutes <= 4000 * 24 * 60 => Some(i64::from(minutes) * MINUTE),
            Ok(_) => {
                self.problem(text.span().start, format!("`{}` is more than 4000 days", text.get_ref()));
                None
            }
            Err(error) => {
                self.problem(text.span().start, format!("{error}: {}", error.help()));
                None
            }
        }
    }

    /// Checks that a text has the right form.
    pub(super) fn formed(
        &mut self,
        text: Option<&Spanned<String>>,
        fits: fn(&str) -> bool,
        form: &str,
    ) -> Option<String> {
        let text = text?;
        if !fits(text.get_ref()) {
            self.problem(text.span().start, format!("`{}` is no {form}", text.get_ref().escape_debug()));
        }
        Some(text.get_ref().clone())
    }

    /// Parses the text; adds a problem and returns `None` where it is no scenario file.
    pub(super) fn scenario(&mut self) -> Option<Scenario> {
        if self.text.len() > LARGEST {
            self.problem(0, "the file is larger than 1 MiB");
            return None;
        }
        match toml::from_str(self.text) {
            Ok(scenario) => Some(scenario),
            Err(error) => {
                // The message about a missing key quotes the name of the key, which is not from the file.
                let is_ours = is_scenario(self.text) || error.message().starts_with("missing field");
                let message =
                    if is_ours { error.message() } else { "this is no scenario file: no line of it is shown" };
                self.problem(error.span().map_or(0, |span| span.start), message);
                None
            }
        }
    }

    /// Checks what a file says.
    pub(super) fn fleet<'a>(&mut self, scenario: &'a Scenario) -> ReadFleet<'a> {
        let region = self.formed(Some(&scenario.region), is_region, "region").unwrap_or_default();
        let account = self.formed(scenario.account.as_ref(), is_account, "account id of twelve digits");
        let account = account.unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
        let history = self.ago(scenario.history.as_ref());
        let (instances, volume_keys) = self.instances(&scenario.instances, &account, &region);
        let keys = scenario.keys.iter().map(|key| self.key(key, &region)).collect();
        let mut associations: Vec<_> = scenario.associations.iter().map(|row| self.association(row)).collect();
        // An association installs over what earlier ones installed, so that their order matters.
        associations.sort_by_key(past::ReadAssociation::at);
        let jobs = scenario.jobs.iter().map(|row| self.job(row)).collect();
        ReadFleet { region, account, history, instances, volume_keys, keys, associations, jobs }
    }
}

pub(super) fn is_version(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.split('.').all(|part| part.parse::<u32>().is_ok())
}

pub(super) fn is_type(text: &str) -> bool {
    let fits = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    text.split_once('.').is_some_and(|(family, size)| {
        !family.is_empty() && !size.is_empty() && text.len() <= 32 && fits(family) && fits(size)
    })
}

pub(super) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count())
        && text.chars().all(|letter| letter.is_alphanumeric() || "-_.".contains(letter))
}

pub(super) fn is_profile(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte))
}

pub(super) fn is_state(text: &str) -> bool {
    matches!(text, "running" | "stopped")
}

pub(super) fn is_region(text: &str) -> bool {
    text.len() <= 32
        && text.split('-').count() >= 3
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether a text, which may be malformed, is recognisably a scenario. The messages of the TOML reader may quote
/// the text, and another file may have been given by mistake.
fn is_scenario(text: &str) -> bool {
    let (document, _) = toml::de::DeTable::parse_recoverable(text);
    let document = document.get_ref();
    let is_region = document.get("region").and_then(|region| region.get_ref().as_str()).is_some_and(is_region);
    is_region || ["instance", "call"].iter().any(|key| document.get(*key).is_some_and(|rows| rows.get_ref().is_array()))
}
