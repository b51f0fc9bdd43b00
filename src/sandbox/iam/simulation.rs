//! The policy simulator: what policies say of requests that nobody makes. IAM API reference, `SimulateCustomPolicy` and
//! `SimulatePrincipalPolicy`.
//!
//! Not offered, and refused where they are asked for: resource policies, those of AWS Organizations, and the handling
//! options of EC2. A request has the context keys that the simulation names, and no others.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::errors::{invalid_input, no_such_entity};
use super::input::text;
use super::model::{Role, is_awss, one_or_many};
use super::page::page;
use super::policies;
use crate::policy::{Decision, Keys, Policies, Request, read};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::{managed_policies, sts};

/// The parts of a simulation that are not offered.
const LACKING: [&str; 5] = [
    "ResourcePolicy",
    "ResourceOwner",
    "ResourceHandlingOption",
    "OrderedOrganizationPolicyInputList",
    "PolicyExclusionList",
];

/// One policy, and where it is from.
struct Source {
    id: String,
    kind: &'static str,
    document: Value,
    read: Policies,
}

impl Source {
    fn new(id: String, kind: &'static str, document: &str) -> Result<Self, ApiError> {
        let wrong = |error| invalid_input(format!("{id}: {error}"));
        let document = read(document).map_err(wrong)?;
        let read = Policies::new(std::slice::from_ref(&document)).map_err(wrong)?;
        Ok(Self { id, kind, document, read })
    }
}

/// Simulates policies that the request brings.
pub(super) fn custom(_: &mut Context<'_>, input: &Value) -> Answer {
    check(input)?;
    answer(input, &given(input, "PolicyInputList")?, bounds(input)?.as_deref())
}

/// Simulates what a role has, with more policies where the request brings some.
pub(super) fn principal(context: &mut Context<'_>, input: &Value) -> Answer {
    check(input)?;
    let arn = text(input, "PolicySourceArn");
    let caller = sts::caller_arn(context.partition, context.account_id);
    let (mut sources, own_bounds) = match context.account.iam.role_by_arn(arn) {
        Some(role) => of_role(context, role)?,
        None if arn == caller => (vec![Source::new("Everything".to_owned(), "user", EVERYTHING)?], None),
        None => return Err(no_such_entity(format!("{arn} cannot be found."))),
    };
    sources.extend(given(input, "PolicyInputList")?);
    let bounds = bounds(input)?.or(own_bounds);
    answer(input, &sources, bounds.as_deref())
}

/// The only user, who signs the requests of an account, may do everything.
const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// Refuses what the simulator does not offer, here or in AWS.
fn check(input: &Value) -> Result<(), ApiError> {
    let is_given = |member: &&&str| match &input[**member] {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    if let Some(member) = LACKING.iter().find(is_given) {
        return Err(invalid_input(format!("the sandbox does not offer {member} in a simulation")));
    }
    // "This operation does not support using wildcards (*) in an action name."
    match texts(input, "ActionNames").find(|action| action.contains('*') || !action.contains(':')) {
        Some(action) => Err(invalid_input(format!("Invalid action name: {action}"))),
        None => Ok(()),
    }
}

fn given(input: &Value, member: &str) -> Result<Vec<Source>, ApiError> {
    let numbered = texts(input, member).zip(1..);
    numbered.map(|(document, number)| Source::new(format!("{member}.{number}"), "none", document)).collect()
}

fn bounds(input: &Value) -> Result<Option<Vec<Source>>, ApiError> {
    let bounds = given(input, "PermissionsBoundaryPolicyInputList")?;
    Ok((!bounds.is_empty()).then_some(bounds))
}

/// Reads the policies of a role, and its permissions boundary.
fn of_role(context: &Context<'_>, role: &Role) -> Result<(Vec<Source>, Option<Vec<Source>>), ApiError> {
    let mut sources = Vec::new();
    for arn in &role.attached {
        sources.extend(managed(context, arn)?);
    }
    for (name, document) in &role.inline {
        sources.push(Source::new(name.clone(), "role", document)?);
    }
    let bounds = role.boundary.as_ref().map(|arn| managed(context, arn)).transpose()?;
    Ok((sources, bounds.map(|bounds| bounds.into_iter().collect())))
}

/// Reads the default version of a managed policy. What a policy of AWS's says whose document is not known here can't be
/// simulated.
fn managed(context: &Context<'_>, arn: &str) -> Result<Option<Source>, ApiError> {
    let Some(policy) = policies::by_arn(context, arn) else { return Ok(None) };
    if managed_policies::is_opaque(&policy) {
        let message = format!("The sandbox does not have the document of {arn}: what it allows is unknown.");
        return Err(ApiError::new(500, "PolicyEvaluation", message));
    }
    let kind = if is_awss(arn) { "aws-managed" } else { "user-managed" };
    let version = policy.versions.iter().find(|version| version.number == policy.default_version);
    version.map(|version| Source::new(policy.name.clone(), kind, &version.document)).transpose()
}

fn answer(input: &Value, sources: &[Source], bounds: Option<&[Source]>) -> Answer {
    let mut keys = Keys::default();
    for entry in input["ContextEntries"].as_array().into_iter().flatten() {
        keys.set(text(entry, "ContextKeyName"), texts(entry, "ContextKeyValues").map(str::to_owned));
    }
    let missing = missing(sources.iter().chain(bounds.unwrap_or_default()), &keys);
    let mut resources: Vec<&str> = texts(input, "ResourceArns").collect();
    if resources.is_empty() {
        resources.push("*");
    }
    let combinations = texts(input, "ActionNames").flat_map(|action| resources.iter().map(move |one| (action, *one)));
    let numbered = combinations.zip(0..).map(|(asked, number)| (format!("{number:06}"), asked));
    let mut answer = Map::new();
    let mut results = Vec::new();
    for (action, resource) in page(&mut answer, input, numbered)? {
        let request = Request { action: action.to_owned(), resource: resource.to_owned(), keys: keys.clone() };
        results.push(result(&request, sources, bounds, &missing));
    }
    answer.insert("EvaluationResults".to_owned(), json!(results));
    Ok(Value::Object(answer))
}

/// Judges one request: what the policies say together, within the boundary.
fn result(request: &Request, sources: &[Source], bounds: Option<&[Source]>, missing: &BTreeSet<String>) -> Value {
    let own = together(sources, request);
    let bound = bounds.map(|bounds| together(bounds, request));
    let decision = match (own, bound) {
        (Decision::ExplicitDeny, _) | (_, Some(Decision::ExplicitDeny)) => Decision::ExplicitDeny,
        (own, None | Some(Decision::Allowed)) => own,
        (_, Some(Decision::ImplicitDeny)) => Decision::ImplicitDeny,
    };
    let matched = sources.iter().filter(|source| own != Decision::ImplicitDeny && source.read.decide(request) == own);
    let matched = matched.map(|source| json!({"SourcePolicyId": source.id, "SourcePolicyType": source.kind}));
    let mut result = json!({
        "EvalActionName": request.action,
        "EvalResourceName": request.resource,
        "EvalDecision": match decision {
            Decision::Allowed => "allowed",
            Decision::ExplicitDeny => "explicitDeny",
            Decision::ImplicitDeny => "implicitDeny",
        },
        "MatchedStatements": matched.collect::<Vec<_>>(),
        "MissingContextValues": missing,
    });
    if let Some(bound) = bound {
        let allowed = bound == Decision::Allowed;
        result["PermissionsBoundaryDecisionDetail"] = json!({"AllowedByPermissionsBoundary": allowed});
    }
    result
}

/// Decides by several policies: one that denies is enough, then one that allows.
fn together(sources: &[Source], request: &Request) -> Decision {
    sources.iter().map(|source| source.read.decide(request)).fold(Decision::ImplicitDeny, |all, one| match (all, one) {
        (Decision::ExplicitDeny, _) | (_, Decision::ExplicitDeny) => Decision::ExplicitDeny,
        (Decision::Allowed, _) | (_, Decision::Allowed) => Decision::Allowed,
        (Decision::ImplicitDeny, Decision::ImplicitDeny) => Decision::ImplicitDeny,
    })
}

/// Lists the condition keys that the policies ask for and the simulation does not name.
fn missing<'a>(sources: impl Iterator<Item = &'a Source>, keys: &Keys) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    for source in sources {
        for statement in one_or_many(source.document.get("Statement")) {
            let operators = statement["Condition"].as_object().into_iter().flatten();
            let asked = operators.flat_map(|(_, of)| of.as_object().into_iter().flatten()).map(|(key, _)| key);
            missing.extend(asked.filter(|key| keys.get(key).is_none()).cloned());
        }
    }
    missing
}

fn texts<'a>(input: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    input[member].as_array().into_iter().flatten().filter_map(Value::as_str)
}
