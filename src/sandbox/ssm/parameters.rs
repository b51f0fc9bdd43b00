//! Parameter Store.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{flag, items, paged, refusal, required, text, texts};
use super::tags;
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::{made, sts};

/// A parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parameter {
    /// The name, with its path.
    pub name: String,
    /// The ARN, with the name.
    pub arn: String,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The newest hundred, oldest first; never empty.
    pub versions: Vec<ParameterVersion>,
}

/// One version of a parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParameterVersion {
    /// From 1.
    pub number: i64,
    /// Milliseconds since 1970.
    pub modified: i64,
    /// The value.
    pub value: String,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// `Standard` or `Advanced`.
    pub tier: String,
    /// Free text.
    pub description: Option<String>,
    /// The pattern that values must match.
    pub allowed_pattern: Option<String>,
    /// The KMS key of a secure string.
    pub key: Option<String>,
    /// `text`, or one of AWS's own types.
    pub data_type: String,
}

impl Parameter {
    fn current(&self) -> &ParameterVersion {
        self.versions.last().expect("a parameter is created with its first version")
    }

    fn shown(&self, version: &ParameterVersion, decrypted: bool) -> Value {
        let value = match version.kind.as_str() {
            // In place of the cipher text: a text that hides the value and changes with it.
            "SecureString" if !decrypted => {
                made::hex(made::uuid_of(&format!("{}/{}", self.arn, version.number)).as_bytes())
            }
            _ => version.value.clone(),
        };
        json!({
            "Name": self.name,
            "Type": version.kind,
            "Value": value,
            "Version": version.number,
            "LastModifiedDate": made::timestamp(version.modified),
            "ARN": self.arn,
            "DataType": version.data_type,
        })
    }

    fn described(&self, user: &str) -> Value {
        let version = self.current();
        let mut members = Map::from_iter(
            [
                ("Name", json!(self.name)),
                ("ARN", json!(self.arn)),
                ("Type", json!(version.kind)),
                ("LastModifiedDate", made::timestamp(version.modified)),
                ("LastModifiedUser", json!(user)),
                ("Version", json!(version.number)),
                ("Tier", json!(version.tier)),
                ("Policies", json!([])),
                ("DataType", json!(version.data_type)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let rest = [
            ("Description", &version.description),
            ("AllowedPattern", &version.allowed_pattern),
            ("KeyId", &version.key),
        ];
        members.extend(rest.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
        Value::Object(members)
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    refusal("ValidationException", message)
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte))
        || name.ends_with('/')
        || name.contains("//")
    {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of \
             sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the \
             following 3 symbols .-_",
        ));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("ssm") {
        return Err(invalid("Parameter name: can't be prefixed with \"ssm\" (case-insensitive)."));
    }
    if first.starts_with("aws") {
        return Err(refusal("AccessDeniedException", format!("No access to reserved parameter name: {name}.")));
    }
    if name.matches('/').count() > 15 {
        return Err(refusal("HierarchyLevelLimitExceededException", "A hierarchy can have at most 15 levels."));
    }
    Ok(())
}

pub(super) fn put(context: &mut Context<'_>, input: &Value) -> Answer {
    let name = required(input, "Name").to_owned();
    check_name(&name)?;
    let value = required(input, "Value");
    let overwrite = flag(input, "Overwrite");
    let tags = tags::read(input, "ValidationException")?;
    if overwrite && !tags.is_empty() {
        return Err(invalid(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please \
             remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        ));
    }
    if value.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length \
             greater than or equal to 1",
        ));
    }
    let separator = if name.starts_with('/') { "" } else { "/" };
    let arn =
        format!("arn:{}:ssm:{}:{}:parameter{separator}{name}", context.partition, context.region, context.account_id);
    let now = context.now;
    let parameters = &mut context.region_mut().ssm.parameters;
    let existing = parameters.get(&name);
    if existing.is_some() && !overwrite {
        let message =
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(refusal("ParameterAlreadyExists", message));
    }
    let version = new_version(input, value, existing.map(Parameter::current), now)?;
    let answer = json!({ "Version": version.number, "Tier": version.tier });
    if parameters.len() >= 10_000 && !parameters.contains_key(&name) {
        return Err(refusal(
            "ParameterLimitExceeded",
            "You have exceeded the number of parameters for this AWS account.",
        ));
    }
    let parameter =
        parameters.entry(name.clone()).or_insert_with(|| Parameter { name, arn, tags, versions: Vec::new() });
    parameter.versions.push(version);
    let excess = parameter.versions.len().saturating_sub(100);
    parameter.versions.drain(..excess);
    Ok(answer)
}

/// Makes the version that a request adds; `before` is the newest version of an existing parameter.
fn new_version(
    input: &Value,
    value: &str,
    before: Option<&ParameterVersion>,
    now: i64,
) -> Result<ParameterVersion, ApiError> {
    let kind = kind(input, before)?;
    let tier = tier(input, value, before)?;
    let allowed_pattern = allowed_pattern(input, value)?;
    Ok(ParameterVersion {
        number: before.map_or(1, |before| before.number + 1),
        modified: now,
        value: value.to_owned(),
        key: (kind == "SecureString").then(|| text(input, "KeyId").unwrap_or("alias/aws/ssm").to_owned()),
        kind,
        tier: tier.to_owned(),
        description: text(input, "Description")
            .map(str::to_owned)
            .or_else(|| before.and_then(|before| before.description.clone())),
        allowed_pattern,
        data_type: text(input, "DataType").unwrap_or("text").to_owned(),
    })
}

/// Chooses the type. A new parameter must give one, and an existing one cannot change it.
fn kind(input: &Value, before: Option<&ParameterVersion>) -> Result<String, ApiError> {
    match (text(input, "Type"), before) {
        (Some(kind), Some(before)) if kind != before.kind => {
            let message = format!("The following parameter type cannot be changed: {}.", before.kind);
            Err(refusal("HierarchyTypeMismatchException", message))
        }
        (Some(kind), _) => Ok(kind.to_owned()),
        (None, Some(before)) => Ok(before.kind.clone()),
        (None, None) => Err(invalid("A parameter type is required when you create a parameter.")),
    }
}

/// Chooses the tier, which cannot be lowered, and checks the value against the tier's size.
fn tier(input: &Value, value: &str, before: Option<&ParameterVersion>) -> Result<&'static str, ApiError> {
    let wanted_tier = text(input, "Tier").or(before.map(|before| before.tier.as_str())).unwrap_or("Standard");
    let tier = match wanted_tier {
        "Advanced" => "Advanced",
        "Intelligent-Tiering" if value.len() > 4096 => "Advanced",
        _ => "Standard",
    };
    if before.is_some_and(|before| before.tier == "Advanced") && tier == "Standard" {
        return Err(invalid(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the \
             advanced-parameter tier to the standard-parameter tier.",
        ));
    }
    let most = if tier == "Advanced" { 8192 } else { 4096 };
    if value.len() > most {
        return Err(invalid(format!("{tier} tier parameters support a maximum parameter value of {most} characters.")));
    }
    Ok(tier)
}

/// Reads the pattern of allowed values, which the value itself must match.
fn allowed_pattern(input: &Value, value: &str) -> Result<Option<String>, ApiError> {
    let allowed_pattern = text(input, "AllowedPattern").filter(|pattern| !pattern.is_empty()).map(str::to_owned);
    if let Some(pattern) = &allowed_pattern {
        let regex = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
            refusal("InvalidAllowedPatternException", "The request doesn't meet the regular expression requirement.")
        })?;
        if !regex.is_match(value) {
            return Err(refusal(
                "ParameterPatternMismatchException",
                format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
            ));
        }
    }
    Ok(allowed_pattern)
}

/// Finds the parameter, by its name or ARN, and the version that may follow as `:version`.
fn found(context: &mut Context<'_>, asked: &str, decrypted: bool) -> Result<Value, ApiError> {
    let parameters = &context.region_mut().ssm.parameters;
    let by_name = |name: &str| parameters.get(name).or_else(|| parameters.values().find(|one| one.arn == name));
    if let Some(parameter) = by_name(asked) {
        return Ok(parameter.shown(parameter.current(), decrypted));
    }
    let missing = || refusal("ParameterNotFound", "");
    let (name, selector) = asked.rsplit_once(':').ok_or_else(missing)?;
    let parameter = by_name(name).ok_or_else(missing)?;
    let version = parameter.versions.iter().find(|version| version.number.to_string() == selector);
    let version = version.ok_or_else(|| {
        refusal(
            "ParameterVersionNotFound",
            format!("Systems Manager could not find version {selector} of {name}. Verify the version and try again."),
        )
    })?;
    let mut shown = parameter.shown(version, decrypted);
    shown["Selector"] = json!(format!(":{selector}"));
    Ok(shown)
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let parameter = found(context, required(input, "Name"), flag(input, "WithDecryption"))?;
    Ok(json!({ "Parameter": parameter }))
}

pub(super) fn get_many(context: &mut Context<'_>, input: &Value) -> Value {
    let (mut parameters, mut unknown) = (Vec::new(), Vec::new());
    for name in texts(input, "Names") {
        match found(context, &name, flag(input, "WithDecryption")) {
            Ok(parameter) => parameters.push(parameter),
            Err(_) => unknown.push(name),
        }
    }
    json!({ "Parameters": parameters, "InvalidParameters": unknown })
}

fn below(name: &str, path: &str, recursive: bool) -> bool {
    let path = path.trim_end_matches('/');
    name.strip_prefix(path)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| !rest.is_empty() && (recursive || !rest.contains('/')))
}

fn fits(parameter: &Parameter, filter: &Value) -> Result<bool, ApiError> {
    let (key, option, values) = (required(filter, "Key"), text(filter, "Option"), texts(filter, "Values"));
    let version = parameter.current();
    let compare = |value: &str| match option.unwrap_or("Equals") {
        "Equals" => Ok(values.iter().any(|wanted| wanted == value)),
        "BeginsWith" => Ok(values.iter().any(|wanted| value.starts_with(wanted.as_str()))),
        "Contains" => Ok(values.iter().any(|wanted| value.contains(wanted.as_str()))),
        other => Err(refusal("InvalidFilterOption", format!("The filter option {other} is not valid for {key}."))),
    };
    match key {
        "Name" => compare(&parameter.name),
        "Type" => compare(&version.kind),
        "Tier" => compare(&version.tier),
        "DataType" => compare(&version.data_type),
        "KeyId" => version.key.as_deref().map_or(Ok(false), compare),
        "Path" => Ok(values.iter().any(|path| below(&parameter.name, path, option == Some("Recursive")))),
        // Labels are not simulated: no version has one.
        "Label" => Ok(false),
        _ => {
            let tag = key.strip_prefix("tag:").and_then(|name| parameter.tags.get(name));
            Ok(tag.is_some_and(|value| values.is_empty() || values.contains(value)))
        }
    }
}

pub(super) fn by_path(context: &mut Context<'_>, input: &Value) -> Answer {
    let path = required(input, "Path");
    if !path.starts_with('/') {
        return Err(invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward \
             slash \"/\".",
        ));
    }
    for filter in items(input, "ParameterFilters") {
        let key = required(filter, "Key");
        if !["Type", "KeyId", "Label", "DataType"].contains(&key) {
            return Err(refusal(
                "InvalidFilterKey",
                format!("The following filter key is not valid: {key}. Valid filter keys include: [Type, KeyId]."),
            ));
        }
    }
    let (recursive, decrypted) = (flag(input, "Recursive"), flag(input, "WithDecryption"));
    let mut all = Vec::new();
    for parameter in context.region_mut().ssm.parameters.values().filter(|one| below(&one.name, path, recursive)) {
        let mut chosen = true;
        for filter in items(input, "ParameterFilters") {
            chosen &= fits(parameter, filter)?;
        }
        if chosen {
            all.push((parameter.name.clone(), parameter.shown(parameter.current(), decrypted)));
        }
    }
    paged("GetParametersByPath", input, "Parameters", 10, all)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    if !items(input, "Filters").is_empty() && !items(input, "ParameterFilters").is_empty() {
        return Err(invalid("You can use either Filters or ParameterFilters in a single request."));
    }
    let user = sts::caller_arn(context.partition, context.account_id);
    let mut all = Vec::new();
    for parameter in context.region_mut().ssm.parameters.values() {
        let mut chosen = true;
        // The older `Filters` compare only the beginning of a name.
        for filter in items(input, "Filters") {
            let mut filter = filter.clone();
            if filter["Key"] == "Name" {
                filter["Option"] = json!("BeginsWith");
            }
            chosen &= fits(parameter, &filter)?;
        }
        for filter in items(input, "ParameterFilters") {
            chosen &= fits(parameter, filter)?;
        }
        if chosen {
            all.push((parameter.name.clone(), parameter.described(&user)));
        }
    }
    paged("DescribeParameters", input, "Parameters", 50, all)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let removed = context.region_mut().ssm.parameters.remove(required(input, "Name"));
    removed.map(|_| json!({})).ok_or_else(|| refusal("ParameterNotFound", ""))
}

pub(super) fn delete_many(context: &mut Context<'_>, input: &Value) -> Value {
    let parameters = &mut context.region_mut().ssm.parameters;
    let (gone, unknown): (Vec<String>, Vec<String>) =
        texts(input, "Names").into_iter().partition(|name| parameters.remove(name).is_some());
    json!({ "DeletedParameters": gone, "InvalidParameters": unknown })
}
