//! The names that resources have in AWS: what they look like, and that no two resources of a kind have the same. IAM's
//! paths and descriptions are checked here as well.

use crate::model::KindId;
use std::collections::BTreeMap;

use crate::model::{Address, Diagnostic};

use super::context::{Context, Declared, Entry};
use super::problems::safe;
use crate::model::source::Place;

/// What names of a kind look like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameRule {
    pub(crate) what: &'static str,
    pub(crate) extra: &'static str,
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) ignores_case: bool,
}

/// IAM roles.
pub(crate) const ROLE_NAME: NameRule =
    NameRule { what: "role", extra: "_+=,.@-", least: 1, most: 64, ignores_case: true };
/// Customer managed policies.
pub(crate) const POLICY_NAME: NameRule = NameRule { what: "policy", most: 128, ..ROLE_NAME };
/// Instance profiles.
pub(crate) const PROFILE_NAME: NameRule = NameRule { what: "instance profile", most: 128, ..ROLE_NAME };
/// State Manager associations.
pub(crate) const ASSOCIATION_NAME: NameRule =
    NameRule { what: "association", extra: "_.-", least: 3, most: 128, ignores_case: false };
/// Backup vaults.
pub(crate) const VAULT_NAME: NameRule =
    NameRule { what: "vault", extra: "_-", least: 2, most: 50, ignores_case: false };
/// Backup plans.
pub(crate) const PLAN_NAME: NameRule = NameRule { what: "plan", extra: "_.-", least: 1, most: 50, ignores_case: false };
/// Rules of backup plans.
pub(crate) const RULE_NAME: NameRule = NameRule { what: "rule", ..PLAN_NAME };
/// Selections of backup plans.
pub(crate) const SELECTION_NAME: NameRule = NameRule { what: "selection", ..PLAN_NAME };

impl NameRule {
    /// Tells whether AWS accepts a name.
    pub(crate) fn fits(self, name: &str) -> bool {
        (self.least..=self.most).contains(&name.len())
            && name.chars().all(|character| character.is_ascii_alphanumeric() || self.extra.contains(character))
    }
}

impl Context<'_> {
    /// Checks the AWS name of an entry.
    pub(crate) fn check_name<T>(&mut self, entry: &Entry<'_, T>, rule: NameRule) {
        self.check_name_at(&entry.address, &entry.name, &entry.place(&["name"]), rule);
    }

    /// Checks an AWS name at a place.
    pub(crate) fn check_name_at(&mut self, address: &Address, name: &str, place: &Place, rule: NameRule) {
        if !rule.fits(name) {
            let NameRule { what, extra, least, most, .. } = rule;
            let spelled = extra.chars().map(|character| character.to_string()).collect::<Vec<_>>().join(" ");
            let diagnostic = Diagnostic::error("VSS0204", format!("`{}` is no {what} name", safe(name)))
                .at(address)
                .label(format!("{least} to {most} of A-Z a-z 0-9 {spelled}"));
            self.report(place, diagnostic);
        }
    }

    /// Checks that no two entries of a kind have one AWS name.
    pub(crate) fn check_unique(&mut self, kind: KindId, rule: NameRule) {
        let mut seen: BTreeMap<String, Declared> = BTreeMap::new();
        for declared in self.declared.get(&kind).cloned().unwrap_or_default() {
            let form = if rule.ignores_case { declared.name.to_ascii_lowercase() } else { declared.name.clone() };
            if let Some(first) = seen.get(&form) {
                let first_line = self.problems.sources.locate(&first.place).line;
                let case = if first.name == declared.name { "" } else { "; AWS ignores the case" };
                let diagnostic = Diagnostic::error(
                    "VSS0205",
                    format!("the {} name `{}` is taken by `{kind}.{}`", rule.what, safe(&declared.name), first.key),
                )
                .at(&Address::new(kind, declared.key.clone()))
                .label(format!("first used in line {first_line}{case}"));
                self.report(&declared.place, diagnostic);
            } else {
                seen.insert(form, declared);
            }
        }
    }

    /// Checks an IAM path.
    pub(crate) fn check_path<T>(&mut self, entry: &Entry<'_, T>, keys: &[&str], path: Option<&str>) {
        let Some(path) = path else { return };
        if !is_iam_path(path) {
            let inner = path.trim_matches('/');
            let meant = if inner.is_empty() { "/".to_owned() } else { format!("/{}/", safe(inner)) };
            let diagnostic = entry
                .error("VSS0206", format!("`{}` is no IAM path", safe(path)))
                .label("starts and ends with `/`, at most 512 printable ASCII characters")
                .help(format!("write `\"{meant}\"`"));
            self.report(&entry.place(keys), diagnostic);
        }
    }

    /// Checks an IAM description.
    pub(crate) fn check_description<T>(&mut self, entry: &Entry<'_, T>, text: Option<&str>) {
        let Some(text) = text else { return };
        let place = entry.place(&["description"]);
        let count = text.chars().count();
        if count > 1000 {
            let diagnostic = entry
                .error("VSS0207", format!("the description has {count} characters, and 1,000 is the most"))
                .label("too long");
            self.report(&place, diagnostic);
        }
        let foreign =
            |character: &char| !matches!(u32::from(*character), 0x09 | 0x0a | 0x0d | 0x20..=0x7e | 0xa1..=0xff);
        if let Some(bad) = text.chars().find(foreign) {
            let message = format!("the description holds `{}`, which IAM does not take", safe(&bad.to_string()));
            self.report(&place, entry.error("VSS0207", message).label("Latin-1 characters only"));
        }
    }
}

/// Tells whether a text is an IAM path: `/`, or printable ASCII between two `/`, at most 512.
pub(crate) fn is_iam_path(path: &str) -> bool {
    path == "/"
        || (path.len() >= 3
            && path.len() <= 512
            && path.starts_with('/')
            && path.ends_with('/')
            && path.bytes().all(|byte| (0x21..=0x7e).contains(&byte)))
}
