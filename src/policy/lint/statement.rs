//! Checks one statement, as part of a trust policy or of an identity policy.

use serde_json::{Map, Value};

use super::{Lint, add, allows, list, lower, means, quoted};
use crate::policy::actions;

/// The services whose roles a stack for backups has.
const SERVICES: [&str; 4] = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "backup.amazonaws.com", "ssm.amazonaws.com"];

/// Actions each of which lets its holder get more privileges than it has.
pub(super) const ESCALATIONS: [&str; 20] = [
    "iam:AddRoleToInstanceProfile",
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "ec2:ReplaceIamInstanceProfileAssociation",
];

/// Actions that run a workload as another role, for whoever also has `iam:PassRole`.
pub(super) const RUNNERS: [&str; 5] = [
    "ec2:AssociateIamInstanceProfile",
    "ec2:RunInstances",
    "lambda:CreateFunction",
    "ssm:StartAutomationExecution",
    "ssm:CreateAssociation",
];

pub(super) struct Statement<'a> {
    pub(super) words: &'a Map<String, Value>,
    pub(super) path: &'a str,
    pub(super) found: &'a mut Vec<Lint>,
}

impl<'a> Statement<'a> {
    fn error(&mut self, code: &'static str, message: impl Into<String>, help: &str) {
        add(self.found, code, true, message.into(), self.path, help);
    }

    /// Lists the conditions as (operator, key, values).
    fn conditions(&self) -> Vec<(&'a str, &'a str, Vec<&'a str>)> {
        let operators = self.words.get("Condition").and_then(Value::as_object).into_iter().flatten();
        let keyed = operators.flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| (operator.as_str(), key.as_str(), list(Some(values))))
        });
        keyed.collect()
    }

    /// Lists the conditions that hold only where a key has one of the given values. Operators with `Not`, `Null` and
    /// `ForAllValues` do not count: they let everybody through but some, or whoever does not send the key. `IfExists`
    /// does not count either, unless the key `is_sent` with every request.
    fn bounds(&self, is_sent: bool) -> Vec<(&'a str, Vec<&'a str>)> {
        let binds = |operator: &str| {
            let operator = operator.to_ascii_lowercase();
            let plain = operator.strip_prefix("foranyvalue:").unwrap_or(&operator);
            let is_positive = plain.starts_with("string") || plain.starts_with("arn");
            is_positive && !plain.contains("not") && (is_sent || !plain.ends_with("ifexists"))
        };
        let bounds = self.conditions().into_iter().filter(|(operator, ..)| binds(operator));
        bounds.map(|(_, key, values)| (key, values)).filter(|(_, values)| !values.contains(&"*")).collect()
    }

    fn has_key(&self, wanted: &str) -> bool {
        // A request that passes a role always says to which service.
        let bounds = self.bounds(wanted == "iam:PassedToService");
        bounds.iter().any(|(key, _)| key.to_ascii_lowercase().starts_with(&wanted.to_ascii_lowercase()))
    }

    /// Finds action names and condition keys that IAM does not know.
    pub(super) fn spelling(&mut self) {
        for element in ["Action", "NotAction"] {
            for action in list(self.words.get(element)) {
                self.action(action);
            }
        }
        for (_, key, values) in self.conditions() {
            let (prefix, name) = key.split_once(':').unwrap_or_default();
            if prefix.is_empty() || name.is_empty() {
                let message = format!("has the condition key `{key}`, which names no service");
                self.error("VSS1043", message, "condition keys look like `aws:SourceAccount`");
            } else if values.iter().any(|value| value.is_empty()) {
                let message = format!("compares the condition key `{key}` with an empty text");
                self.error("VSS1043", message, "give it a value, or take the condition out");
            }
        }
    }

    fn action(&mut self, action: &str) {
        let Some((service, name)) = action.split_once(':') else { return };
        let Some(known) = actions::of(service) else { return };
        let pattern = name.to_ascii_lowercase();
        if known.iter().any(|known| means(&pattern, known)) {
            return;
        }
        let likeness = |known: &&&str| strsim::jaro_winkler(&known.to_ascii_lowercase(), &pattern);
        let near = known.iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
        let help = match near.filter(|near| likeness(near) > 0.9) {
            Some(near) => format!("did you mean `{service}:{near}`?"),
            None => "IAM ignores what it does not know: the statement allows or denies nothing by it".to_owned(),
        };
        add(self.found, "VSS1042", false, format!("names the unknown action `{action}`"), self.path, &help);
    }

    pub(super) fn not_principal(&mut self) {
        if self.words.contains_key("NotPrincipal") && allows(self.words) {
            self.error(
                "VSS1012",
                "allows everybody but some with `NotPrincipal`",
                "name those who may, with `Principal`",
            );
        }
    }

    pub(super) fn trust(&mut self, account: &str) {
        self.not_principal();
        if !allows(self.words) {
            return;
        }
        let principal = self.words.get("Principal");
        let of = |kind: &str| list(principal.and_then(|principal| principal.get(kind)));
        if principal.is_some_and(|principal| principal == "*") || of("AWS").contains(&"*") {
            self.error("VSS1010", "lets anybody assume the role", "name the principals");
        }
        let bound = ["sts:ExternalId", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalArn"];
        let is_bound = bound.iter().any(|key| self.has_key(key));
        for other in of("AWS") {
            let id = other.strip_suffix(":root").and_then(|arn| arn.rsplit("::").next()).unwrap_or(other);
            if crate::model::arn::is_account(id) && id != account && !account.is_empty() && !is_bound {
                let message = format!("lets everything in account {id} assume the role");
                self.error(
                    "VSS1011",
                    message,
                    "name a role of it, or add a condition on `sts:ExternalId` or `aws:PrincipalOrgID`",
                );
            }
        }
        for provider in of("Federated").into_iter().filter(|provider| provider.contains(":oidc-provider/")) {
            self.federated(provider);
        }
        let strangers: Vec<&str> = of("Service").into_iter().filter(|service| !SERVICES.contains(service)).collect();
        if !strangers.is_empty() {
            let message = format!("lets {} assume the role, which backups have no need of", quoted(&strangers));
            add(self.found, "VSS1014", false, message, self.path, "keep roles of other services out of this stack");
        }
    }

    fn federated(&mut self, provider: &str) {
        let name = provider.rsplit('/').next().unwrap_or(provider);
        let subjects: Vec<&str> = self
            .bounds(false)
            .into_iter()
            .filter(|(key, _)| key.to_ascii_lowercase().ends_with(":sub"))
            .flat_map(|(_, values)| values)
            .collect();
        if subjects.is_empty() {
            let message = format!("lets whoever `{name}` knows assume the role: there is no condition on `sub`");
            self.error("VSS1013", message, "add a condition on the provider's `sub`");
            return;
        }
        // A subject is `repo:OWNER/NAME:...`: a wildcard in the owner or the name includes everybody's repositories.
        let open = |subject: &&&str| {
            let head = match subject.strip_prefix("repo:") {
                Some(rest) => rest.split(':').next().unwrap_or(rest),
                None => subject,
            };
            head.contains(['*', '?']) && (subject.starts_with("repo:") || head.starts_with(['*', '?']))
        };
        if let Some(subject) = subjects.iter().find(open) {
            let message = format!("takes subjects like `{subject}`: a wildcard before the name says nothing");
            self.error("VSS1013", message, "write the owner and the name of the repository out");
        }
    }

    pub(super) fn identity(&mut self) {
        if !allows(self.words) {
            return;
        }
        for element in ["NotAction", "NotResource"] {
            if self.words.contains_key(element) {
                let message = format!("allows everything but some with `{element}`");
                self.error("VSS1021", message, &format!("name what is allowed, with `{}`", &element[3..]));
            }
        }
        let actions = lower(self.words, "Action");
        let everywhere = list(self.words.get("Resource")).contains(&"*");
        let broad: Vec<&String> =
            actions.iter().filter(|action| action.as_str() == "*" || action.ends_with(":*")).collect();
        if everywhere && !broad.is_empty() {
            let message = format!("allows {} on every resource", quoted(&broad));
            self.error("VSS1020", message, "name the actions, or the resources");
        }
        // `*` and `iam:*` are reported already; the actions that they include are not reported again.
        let named: Vec<&String> = actions.iter().filter(|action| !broad.contains(action)).collect();
        let matches = |wanted: &str| named.iter().any(|action| means(action, wanted));
        let passes = matches("iam:PassRole");
        if passes && (everywhere || !self.has_key("iam:PassedToService")) {
            let what = if everywhere { "any role" } else { "roles to any service" };
            self.error(
                "VSS1022",
                format!("allows to pass {what}"),
                "name the roles, and add a condition on `iam:PassedToService`",
            );
        }
        let mut ways: Vec<&str> = ESCALATIONS.into_iter().filter(|way| matches(way)).collect();
        if passes {
            ways.extend(RUNNERS.into_iter().filter(|way| matches(way)));
        }
        if everywhere {
            ways.extend(["sts:AssumeRole", "ssm:SendCommand"].into_iter().filter(|way| matches(way)));
        }
        if !ways.is_empty() {
            let message = format!("lets its holder get more privileges, with {}", quoted(&ways));
            self.error("VSS1023", message, "take it out, or bound it with resources and a permissions boundary");
        }
    }
}
