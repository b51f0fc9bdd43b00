//! Decides whether identity policies allow a request, as IAM does: an explicit deny wins, otherwise one allow is
//! enough, otherwise the answer is no. Pure: the caller says what a request is made of (its action, resource and
//! condition keys).
//!
//! From the IAM User Guide: "Policy evaluation logic", "IAM JSON policy elements: Action, Resource, Condition",
//! "Condition operators", "Conditions with multiple context keys or values", "Policy variables". Not here, because a
//! request of one account needs none of it: resource policies, permissions boundaries, session policies and those of
//! AWS Organizations.

use super::keys::Keys;

use serde_json::Value;

use super::canonical::{Document, Statement};
use super::condition;
use super::error::PolicyError;
use super::pattern::Pattern;

/// What is to be decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Such as `iam:CreateRole`.
    pub action: String,
    /// An ARN, or `*` for actions that know no resources.
    pub resource: String,
    /// The condition keys.
    pub keys: Keys,
}

/// What the policies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed,
    /// No statement allows it.
    ImplicitDeny,
    /// A statement denies it.
    ExplicitDeny,
}

/// Identity policies, read and ready.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    statements: Vec<Rule>,
}

/// One statement with what its document says about it.
#[derive(Clone, Debug)]
struct Rule {
    statement: Statement,
    /// Policy variables such as `${aws:username}` exist in documents of the version 2012-10-17 only.
    has_variables: bool,
}

impl Policies {
    /// Reads identity policies.
    ///
    /// # Errors
    /// When a document is no policy, or no identity policy: it names a principal, or no resource.
    pub fn new(documents: &[Value]) -> Result<Self, PolicyError> {
        let mut statements = Vec::new();
        for document in documents {
            let Document { version, id: _, statements: read } = Document::read(document)?;
            for statement in read {
                let path = format!("Statement {}", statement.sid);
                if statement.principal.is_some() {
                    return Err(PolicyError::structure(
                        path.trim(),
                        "names a principal, and an identity policy has none",
                    ));
                }
                if statement.resource.is_none() {
                    return Err(PolicyError::structure(path.trim(), "has neither `Resource` nor `NotResource`"));
                }
                if let Some(operator) = statement.condition.keys().find(|operator| !condition::is_known(operator)) {
                    return Err(PolicyError::structure(path.trim(), format!("has the unknown operator `{operator}`")));
                }
                statements.push(Rule { statement, has_variables: version == "2012-10-17" });
            }
        }
        Ok(Self { statements })
    }

    /// Decides a request.
    pub fn decide(&self, request: &Request) -> Decision {
        let mut decision = Decision::ImplicitDeny;
        for rule in self.statements.iter().filter(|rule| rule.applies(request)) {
            if rule.denies() {
                return Decision::ExplicitDeny;
            }
            decision = Decision::Allowed;
        }
        decision
    }

    /// Names the statements (by `Sid`) that apply to a request, regardless of what the other statements say.
    pub fn applying<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = &'a str> {
        self.statements.iter().filter(|rule| rule.applies(request)).map(|rule| rule.statement.sid.as_str())
    }
}

impl Rule {
    fn denies(&self) -> bool {
        self.statement.effect == "Deny"
    }

    /// Tells whether action, resource and conditions all fit.
    fn applies(&self, request: &Request) -> bool {
        self.covers_action(&request.action) && self.covers_resource(request) && self.fits_conditions(request)
    }

    fn covers_action(&self, action: &str) -> bool {
        let (element, patterns) = &self.statement.action;
        let action = action.to_ascii_lowercase();
        let any = patterns.iter().any(|pattern| Pattern::wildcards(&pattern.to_ascii_lowercase()).matches(&action));
        any != (*element == "NotAction")
    }

    fn covers_resource(&self, request: &Request) -> bool {
        let Some((element, patterns)) = &self.statement.resource else { return false };
        let any = patterns.iter().any(|pattern| {
            // A variable without a value makes a pattern that matches no text.
            self.pattern(pattern, &request.keys).is_some_and(|pattern| pattern.matches_arn(&request.resource))
        });
        any != (*element == "NotResource")
    }

    /// Every operator and every key must fit; of the values of a key one has to.
    fn fits_conditions(&self, request: &Request) -> bool {
        self.statement.condition.iter().all(|(operator, keys)| {
            keys.iter().all(|(key, values)| {
                let read = |value: &String| self.pattern(value, &request.keys);
                let wanted: Vec<Pattern> = values.iter().filter_map(read).collect();
                condition::fits(operator, request.keys.get(key), &wanted)
            })
        })
    }

    fn pattern(&self, text: &str, keys: &Keys) -> Option<Pattern> {
        if self.has_variables { Pattern::with_variables(text, keys) } else { Some(Pattern::wildcards(text)) }
    }
}
