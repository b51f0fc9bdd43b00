//! The canonical form of a document: every list is sorted and free of repetitions, elements are in IAM's order, and
//! there is one spelling where AWS knows several.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{PolicyError, PolicyErrorKind, is_allowed};
use super::read::read;
use super::values;

/// Brings a document into canonical form. Documents whose canonical forms are equal by `==` are the same to AWS.
/// `policy::equal` also ignores the case of actions, condition keys and values of operators that ignore case, `Sid` and
/// `Id`, which this form keeps as they were written.
pub fn canonical(document: &Value) -> Result<Value, PolicyError> {
    Ok(Document::read(document)?.value())
}

/// Reads a document from text and brings it into canonical form.
pub fn parse(text: &str) -> Result<Value, PolicyError> {
    canonical(&read(text)?)
}

/// Brings the policy of a resource into canonical form. There `{"AWS": "*"}` is everyone, as `"*"` is. IAM User Guide,
/// "AWS JSON policy elements: Principal": both are "equivalent" in a resource's policy. A role's trust policy is kept
/// apart: see the rules of this module. A document that has no canonical form stays as it is.
pub fn of_resource(document: &Value) -> Value {
    let Ok(mut document) = Document::read(document) else { return document.clone() };
    for statement in &mut document.statements {
        if let Some((_, principal)) = &mut statement.principal {
            principal.everyone();
        }
    }
    sort_statements(&mut document.statements);
    document.value()
}

/// Tells whether AWS treats two documents the same. Compares canonical forms without regard to the case of actions and
/// condition keys, nor to `Sid` and `Id`, which the canonical form keeps as they were written.
///
/// A document that has no canonical form equals only itself.
pub fn equal(left: &Value, right: &Value) -> bool {
    match (Document::read(left), Document::read(right)) {
        (Ok(left), Ok(right)) => left.folded() == right.folded(),
        _ => left == right,
    }
}

/// A document, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) version: String,
    pub(super) id: String,
    pub(super) statements: Vec<Statement>,
}

/// A statement, taken apart. Its values are sorted and unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Statement {
    pub(super) sid: String,
    pub(super) effect: String,
    /// The element (`Principal` or `NotPrincipal`) and its value.
    pub(super) principal: Option<(&'static str, Principal)>,
    pub(super) action: (&'static str, Vec<String>),
    pub(super) resource: Option<(&'static str, Vec<String>)>,
    /// The values by operator and key.
    pub(super) condition: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

/// Who a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Principal {
    /// `"*"`.
    Everyone,
    /// Values by type: `AWS`, `Service`, `Federated`, `CanonicalUser`.
    Types(BTreeMap<&'static str, Vec<String>>),
}

impl Principal {
    /// Turns AWS principals of which one is `*` into everyone, where there are no principals of other types.
    fn everyone(&mut self) {
        if let Self::Types(types) = self
            && types.keys().eq(["AWS"].iter())
            && types["AWS"].iter().any(|name| name == "*")
        {
            *self = Self::Everyone;
        }
    }
}

const PRINCIPAL_TYPES: [&str; 4] = ["AWS", "CanonicalUser", "Federated", "Service"];
const VERSIONS: [&str; 2] = ["2008-10-17", "2012-10-17"];
const TOP: [&str; 3] = ["Version", "Id", "Statement"];
/// The elements of a statement.
pub const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// The condition operators. IAM User Guide, "IAM JSON policy elements: Condition operators".
pub const OPERATORS: [&str; 28] = [
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "BinaryEquals",
    "Bool",
    "DateEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateNotEquals",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericNotEquals",
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
    "BoolNotEquals",
];

impl Document {
    pub(super) fn read(value: &Value) -> Result<Self, PolicyError> {
        let object = value.as_object().ok_or_else(|| PolicyError::structure("", "the document is not an object"))?;
        check_elements(object, &TOP, "")?;
        let version = match optional_text(object, "Version", "")? {
            "" => VERSIONS[0],
            version if VERSIONS.contains(&version) => version,
            version => {
                let message = format!("is `{version}`, not `2012-10-17` (or the old `2008-10-17`)");
                return Err(PolicyError::structure("Version", message));
            }
        };
        let id = optional_text(object, "Id", "")?.to_owned();
        let mut statements = match object.get("Statement") {
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .map(|(index, statement)| Statement::read(statement, &format!("Statement[{index}]")))
                .collect::<Result<Vec<_>, _>>()?,
            Some(statement) => vec![Statement::read(statement, "Statement")?],
            None => return Err(PolicyError::structure("", "the document has no `Statement`")),
        };
        if statements.is_empty() {
            return Err(PolicyError::structure("Statement", "is empty"));
        }
        sort_statements(&mut statements);
        Ok(Self { version: version.to_owned(), id, statements })
    }

    /// Returns the document without what AWS does not heed: the case of actions and condition keys, and the names of
    /// the document and its statements.
    pub(super) fn folded(&self) -> Self {
        let nameless = |statement: &Statement| Statement { sid: String::new(), ..statement.folded() };
        let mut statements: Vec<Statement> = self.statements.iter().map(nameless).collect();
        sort_statements(&mut statements);
        Self { id: String::new(), statements, ..self.clone() }
    }

    pub(super) fn value(&self) -> Value {
        let mut object = Map::new();
        object.insert("Version".to_owned(), Value::from(self.version.as_str()));
        if !self.id.is_empty() {
            object.insert("Id".to_owned(), Value::from(self.id.as_str()));
        }
        object.insert("Statement".to_owned(), self.statements.iter().map(Statement::value).collect());
        Value::Object(object)
    }
}

/// Sorts by what AWS reads and drops repetitions. Of two spellings the one that sorts first stays.
fn sort_statements(statements: &mut Vec<Statement>) {
    statements.sort_by_cached_key(|statement| (statement.folded(), statement.clone()));
    statements.dedup_by_key(|statement| statement.folded());
}

impl Statement {
    fn read(value: &Value, path: &str) -> Result<Self, PolicyError> {
        let object = value.as_object().ok_or_else(|| PolicyError::structure(path, "is not an object"))?;
        check_elements(object, &ELEMENTS, path)?;
        let at = |element: &str| format!("{path}.{element}");
        let effect = match object.get("Effect") {
            Some(Value::String(effect)) if effect == "Allow" || effect == "Deny" => effect.clone(),
            Some(_) => return Err(PolicyError::structure(&at("Effect"), "must be `Allow` or `Deny`, in this case")),
            None => return Err(PolicyError::structure(path, "has no `Effect`")),
        };
        let principal = either(object, ["Principal", "NotPrincipal"], path)?
            .map(|(element, value)| Ok((element, read_principal(value, &at(element))?)))
            .transpose()?;
        let (element, value) = either(object, ["Action", "NotAction"], path)?
            .ok_or_else(|| PolicyError::structure(path, "has neither `Action` nor `NotAction`"))?;
        let actions = texts(value, &at(element))?.iter().map(|action| lower_prefix(action)).collect();
        let action = (element, unique(actions, str::to_ascii_lowercase));
        let resource = either(object, ["Resource", "NotResource"], path)?
            .map(|(element, value)| Ok((element, unique(texts(value, &at(element))?, str::to_owned))))
            .transpose()?;
        Ok(Self {
            sid: optional_text(object, "Sid", path)?.to_owned(),
            effect,
            principal,
            action,
            resource,
            condition: object
                .get("Condition")
                .map_or_else(|| Ok(BTreeMap::new()), |value| read_condition(value, &at("Condition")))?,
        })
    }

    pub(super) fn folded(&self) -> Self {
        let fold = |text: &String| text.to_ascii_lowercase();
        let (element, actions) = &self.action;
        let action = (*element, unique(actions.iter().map(fold).collect(), str::to_owned));
        let keys = |operator: &str, keys: &BTreeMap<String, Vec<String>>| {
            let values = |values: &[String]| values.iter().map(|value| values::folded(operator, value)).collect();
            keys.iter().map(|(key, all)| (fold(key), unique(values(all), str::to_owned))).collect()
        };
        let named = |operator: &String| self.folded_operator(operator);
        let condition = self.condition.iter().map(|(operator, map)| (named(operator), keys(operator, map))).collect();
        Self { action, condition, ..self.clone() }
    }

    /// Names an operator for comparison. `ArnEquals` is `ArnLike`, because both behave the same;
    /// where a statement has both, each stays, because both must hold.
    pub(super) fn folded_operator(&self, operator: &str) -> String {
        let like = match operator.find("ArnEquals").or_else(|| operator.find("ArnNotEquals")) {
            Some(_) => operator.replace("Equals", "Like"),
            None => return operator.to_owned(),
        };
        if self.condition.contains_key(&like) { operator.to_owned() } else { like }
    }

    pub(super) fn value(&self) -> Value {
        let Self { sid, effect, principal, action, resource, condition } = self;
        let mut object = Map::new();
        if !sid.is_empty() {
            object.insert("Sid".to_owned(), Value::from(sid.as_str()));
        }
        object.insert("Effect".to_owned(), Value::from(effect.as_str()));
        if let Some((element, principal)) = principal {
            let value = match principal {
                Principal::Everyone => Value::from("*"),
                Principal::Types(types) => {
                    types.iter().map(|(name, values)| ((*name).to_owned(), Value::from(values.clone()))).collect()
                }
            };
            object.insert((*element).to_owned(), value);
        }
        object.insert(action.0.to_owned(), Value::from(action.1.clone()));
        if let Some((element, resources)) = resource {
            object.insert((*element).to_owned(), Value::from(resources.clone()));
        }
        if !condition.is_empty() {
            let keys = |keys: &BTreeMap<String, Vec<String>>| -> Value {
                keys.iter().map(|(key, values)| (key.clone(), Value::from(values.clone()))).collect()
            };
            let condition: Value = condition.iter().map(|(operator, map)| (operator.clone(), keys(map))).collect();
            object.insert("Condition".to_owned(), condition);
        }
        Value::Object(object)
    }
}

fn read_principal(value: &Value, path: &str) -> Result<Principal, PolicyError> {
    let object = match value {
        Value::String(text) if text == "*" => return Ok(Principal::Everyone),
        Value::Object(object) if !object.is_empty() => object,
        _ => {
            return Err(PolicyError::structure(
                path,
                "must be `\"*\"` or an object such as `{ \"Service\": \"ec2.amazonaws.com\" }`",
            ));
        }
    };
    check_elements(object, &PRINCIPAL_TYPES, path)?;
    let mut types = BTreeMap::new();
    for name in PRINCIPAL_TYPES {
        if let Some(value) = object.get(name) {
            let values = texts(value, &format!("{path}.{name}"))?;
            let values = if name == "AWS" { values.into_iter().map(account_of_root).collect() } else { values };
            types.insert(name, unique(values, str::to_owned));
        }
    }
    Ok(Principal::Types(types))
}

/// Shortens the ARN of an account's root to the account's id.
fn account_of_root(text: String) -> String {
    let account = text
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":iam::"))
        .and_then(|(_, rest)| rest.strip_suffix(":root"))
        .filter(|account| crate::model::arn::is_account(account))
        .map(str::to_owned);
    account.unwrap_or(text)
}

type Condition = BTreeMap<String, BTreeMap<String, Vec<String>>>;

fn read_condition(value: &Value, path: &str) -> Result<Condition, PolicyError> {
    let object = value.as_object().ok_or_else(|| PolicyError::structure(path, "is not an object"))?;
    let mut condition = Condition::new();
    for (operator, keys) in object {
        check_text(operator, path)?;
        let path = format!("{path}.{operator}");
        let keys =
            keys.as_object().ok_or_else(|| PolicyError::structure(&path, "is not an object of condition keys"))?;
        if keys.is_empty() {
            continue;
        }
        let operator = canonical_operator(operator);
        let entry = condition.entry(operator.clone()).or_default();
        for (key, value) in keys {
            check_text(key, &path)?;
            let path = format!("{path}.{key}");
            let key = lower_prefix(key);
            if entry.keys().any(|known| known.eq_ignore_ascii_case(&key)) {
                let message = "is there twice: operators and keys ignore case";
                return Err(PolicyError {
                    kind: PolicyErrorKind::DuplicateKey,
                    ..PolicyError::structure(&path, message)
                });
            }
            let values = condition_values(value, &path)?.into_iter().map(|value| values::normal(&operator, value));
            entry.insert(key, unique(values.collect(), str::to_owned));
        }
    }
    Ok(condition)
}

/// Spells a known operator as IAM's guide does, and also `ForAllValues:` and `IfExists` around it.
fn canonical_operator(text: &str) -> String {
    known_operator(text).unwrap_or_else(|| text.to_owned())
}

/// Tells whether a condition operator is one of IAM's, with or without `ForAllValues:` and `IfExists` around it.
pub fn is_operator(text: &str) -> bool {
    known_operator(text).is_some()
}

fn known_operator(text: &str) -> Option<String> {
    let (prefix, rest) = match text.split_once(':') {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => ("ForAllValues:", rest),
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => ("ForAnyValue:", rest),
        _ => ("", text),
    };
    let cut = rest.len().saturating_sub("IfExists".len());
    let (name, suffix) = match rest.split_at_checked(cut) {
        Some((name, suffix)) if suffix.eq_ignore_ascii_case("IfExists") => (name, "IfExists"),
        _ => (rest, ""),
    };
    let known = OPERATORS.iter().find(|operator| operator.eq_ignore_ascii_case(name));
    known.map(|name| format!("{prefix}{name}{suffix}"))
}

/// Lowers the part before the first colon, the service: `S3:GetObject` is `s3:GetObject`.
fn lower_prefix(text: &str) -> String {
    match text.split_once(':') {
        Some((prefix, rest)) => format!("{}:{rest}", prefix.to_ascii_lowercase()),
        None => text.to_owned(),
    }
}

/// Sorts the values and drops those that are the same in lower case. Of several spellings the one that sorts first
/// stays.
fn unique(mut values: Vec<String>, fold: impl Fn(&str) -> String) -> Vec<String> {
    values.sort_by_cached_key(|value| (fold(value), value.clone()));
    values.dedup_by_key(|value| fold(value));
    values
}

fn texts(value: &Value, path: &str) -> Result<Vec<String>, PolicyError> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    if list.is_empty() {
        return Err(PolicyError::structure(path, "is an empty list"));
    }
    let text = |value: &Value| {
        let text =
            value.as_str().ok_or_else(|| PolicyError::structure(path, "must be a string or a list of strings"))?;
        check_text(text, path)?;
        Ok(text.to_owned())
    };
    list.iter().map(text).collect()
}

fn condition_values(value: &Value, path: &str) -> Result<Vec<String>, PolicyError> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    let text = |value: &Value| match value {
        Value::String(text) => check_text(text, path).map(|()| text.clone()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(PolicyError::structure(path, "must be a string, number or truth, or a list of them"))
        }
    };
    list.iter().map(text).collect()
}

fn optional_text<'a>(object: &'a Map<String, Value>, element: &str, path: &str) -> Result<&'a str, PolicyError> {
    let path = if path.is_empty() { element.to_owned() } else { format!("{path}.{element}") };
    match object.get(element) {
        None => Ok(""),
        Some(Value::String(text)) => check_text(text, &path).map(|()| text.as_str()),
        Some(_) => Err(PolicyError::structure(&path, "is not a string")),
    }
}

/// Finds which of two elements is there that exclude each other.
fn either<'a>(
    object: &'a Map<String, Value>,
    names: [&'static str; 2],
    path: &str,
) -> Result<Option<(&'static str, &'a Value)>, PolicyError> {
    match names.map(|name| object.get(name)) {
        [Some(_), Some(_)] => Err(PolicyError::structure(path, format!("has both `{}` and `{}`", names[0], names[1]))),
        [Some(value), None] => Ok(Some((names[0], value))),
        [None, Some(value)] => Ok(Some((names[1], value))),
        [None, None] => Ok(None),
    }
}

fn check_elements(object: &Map<String, Value>, known: &[&str], path: &str) -> Result<(), PolicyError> {
    let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) else {
        return Ok(());
    };
    let similar = known.iter().max_by(|left, right| {
        let score = |name: &str| strsim::jaro_winkler(&name.to_lowercase(), &unknown.to_lowercase());
        score(left).total_cmp(&score(right))
    });
    let mut message = format!("has the unknown element `{unknown}`");
    if let Some(similar) =
        similar.filter(|name| strsim::jaro_winkler(&name.to_lowercase(), &unknown.to_lowercase()) > 0.8)
    {
        message = format!("{message}; did you mean `{similar}`?");
    }
    let message = if path.is_empty() { format!("the document {message}") } else { message };
    Err(PolicyError::structure(path, message))
}

fn check_text(text: &str, path: &str) -> Result<(), PolicyError> {
    match text.chars().find(|character| !is_allowed(*character)) {
        None => Ok(()),
        Some(character) => {
            let message = format!("has the character U+{:04X}, which IAM does not allow", u32::from(character));
            Err(PolicyError { kind: PolicyErrorKind::Character, ..PolicyError::structure(path, message) })
        }
    }
}
