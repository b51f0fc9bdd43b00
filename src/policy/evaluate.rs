//! Decides whether identity policies allow a request, as IAM does: an explicit deny wins, otherwise one allow is
//! enough, otherwise the answer is no. Pure: the caller says what a request is made of (its action, resource and
//! condition keys).
//!
//! From the IAM User Guide: "Policy evaluation logic", "IAM JSON policy elements: Action, Resource, Condition",
//! "Condition operators", "Conditions with multiple context keys or values", "Policy variables". Not here, because a
//! request of one account needs none of it: resource policies, permissions boundaries, session policies and those of
//! AWS Organizations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::canonical::{Document, Statement};
use super::condition;
use super::error::PolicyError;
use super::keys::{Given, Keys};
use super::pattern::{Pattern, unknown_variable};

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

/// What the policies say of a request that is known in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// They allow it, whatever is not known.
    Allowed,
    /// They do not allow it, whatever is not known.
    Denied(Decision),
    /// A condition decides whose key is not known: the key.
    Unknown(String),
}

/// Whether a statement, or a part of one, applies to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It does not.
    No,
    /// A key decides that is not known.
    Maybe(String),
    /// It does.
    Yes,
}

/// What a key that is not among a request's keys means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum World {
    /// The request does not have it.
    Closed,
    /// It may have it.
    Open,
}

impl Fit {
    pub(super) fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }

    /// Says that both must fit.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Maybe(key), _) | (_, Self::Maybe(key)) => Self::Maybe(key),
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// Says that one of them must fit.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Maybe(key), _) | (_, Self::Maybe(key)) => Self::Maybe(key),
            (Self::No, Self::No) => Self::No,
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe(key) => Self::Maybe(key),
            Self::Yes => Self::No,
        }
    }
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

    /// Decides a request of which all keys are known.
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

    /// Judges a request of which some keys are not known. What can't be judged is unknown, and never denied.
    pub fn judge(&self, request: &Request) -> Judgement {
        let (mut allowed, mut denied) = (Fit::No, Fit::No);
        for rule in &self.statements {
            let fit = rule.fit(request, World::Open);
            if rule.denies() {
                denied = denied.or(fit);
            } else {
                allowed = allowed.or(fit);
            }
        }
        match (denied, allowed) {
            (Fit::Yes, _) => Judgement::Denied(Decision::ExplicitDeny),
            (_, Fit::No) => Judgement::Denied(Decision::ImplicitDeny),
            (Fit::Maybe(key), _) | (Fit::No, Fit::Maybe(key)) => Judgement::Unknown(key),
            (Fit::No, Fit::Yes) => Judgement::Allowed,
        }
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
        self.fit(request, World::Closed) == Fit::Yes
    }

    fn fit(&self, request: &Request, world: World) -> Fit {
        if !self.covers_action(&request.action) {
            return Fit::No;
        }
        match self.covers_resource(request, world) {
            Fit::No => Fit::No,
            resource => resource.and(fits_conditions(
                &self.statement.condition,
                &request.keys,
                Reading { has_variables: self.has_variables, world },
            )),
        }
    }

    fn covers_action(&self, action: &str) -> bool {
        covers_action(&self.statement, action)
    }

    fn covers_resource(&self, request: &Request, world: World) -> Fit {
        let Some((element, patterns)) = &self.statement.resource else { return Fit::No };
        let reading = Reading { has_variables: self.has_variables, world };
        let any = patterns.iter().fold(Fit::No, |any, pattern| {
            any.or(match reading.unknown(pattern, &request.keys) {
                Some(key) => Fit::Maybe(key),
                // A variable without a value makes a pattern that matches no text.
                None => Fit::of(
                    reading
                        .pattern(pattern, &request.keys)
                        .is_some_and(|pattern| pattern.matches_arn(&request.resource)),
                ),
            })
        });
        if *element == "NotResource" { any.negated() } else { any }
    }
}

/// Tells whether a statement is about an action.
pub(super) fn covers_action(statement: &Statement, action: &str) -> bool {
    let (element, patterns) = &statement.action;
    let action = action.to_ascii_lowercase();
    let any = patterns.iter().any(|pattern| Pattern::wildcards(&pattern.to_ascii_lowercase()).matches(&action));
    any != (*element == "NotAction")
}

/// How texts with variables and keys that are not there are read.
#[derive(Clone, Copy)]
struct Reading {
    has_variables: bool,
    world: World,
}

impl Reading {
    fn pattern(self, text: &str, keys: &Keys) -> Option<Pattern> {
        if self.has_variables { Pattern::with_variables(text, keys) } else { Some(Pattern::wildcards(text)) }
    }

    /// Returns the first variable of a text whose value is not known.
    fn unknown(self, text: &str, keys: &Keys) -> Option<String> {
        match self.world {
            World::Open if self.has_variables => unknown_variable(text, keys),
            World::Open | World::Closed => None,
        }
    }
}

type Condition = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Every operator and every key must fit; of the values of a key one has to.
fn fits_conditions(condition: &Condition, keys: &Keys, reading: Reading) -> Fit {
    let all = condition.iter().flat_map(|(operator, of)| of.iter().map(move |(key, values)| (operator, key, values)));
    all.fold(Fit::Yes, |fit, (operator, key, values)| fit.and(fits_key(operator, key, values, keys, reading)))
}

fn fits_key(operator: &str, key: &str, values: &[String], keys: &Keys, reading: Reading) -> Fit {
    if let Some(variable) = values.iter().find_map(|value| reading.unknown(value, keys)) {
        return Fit::Maybe(variable);
    }
    let wanted: Vec<Pattern> = values.iter().filter_map(|value| reading.pattern(value, keys)).collect();
    let fits = |given: Option<&[String]>| condition::fits(operator, given, &wanted);
    let given = match reading.world {
        World::Closed => Given::Known(keys.get(key)),
        World::Open => keys.given(key),
    };
    match given {
        Given::Known(values) => Fit::of(fits(values)),
        Given::Perhaps(values) if fits(Some(values)) == fits(None) => Fit::of(fits(None)),
        Given::Perhaps(_) | Given::Unknown => Fit::Maybe(key.to_owned()),
    }
}

/// Tells for each condition of a statement, by operator and key, whether a request fits that is known in part.
pub(super) fn each_condition<'a>(
    statement: &'a Statement,
    has_variables: bool,
    keys: &'a Keys,
) -> impl Iterator<Item = (&'a str, &'a str, &'a [String], Fit)> {
    let reading = Reading { has_variables, world: World::Open };
    statement.condition.iter().flat_map(move |(operator, of)| {
        of.iter().map(move |(key, values)| {
            (operator.as_str(), key.as_str(), values.as_slice(), fits_key(operator, key, values, keys, reading))
        })
    })
}
