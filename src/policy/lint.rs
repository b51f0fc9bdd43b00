//! What a document should not say, though IAM takes it: principals without bounds, actions without bounds, ways to more
//! privileges, and slips that make a statement mean nothing.
//!
//! The codes are those of the project's catalogue with 1000 added: lint 010 is `VSS1010`. Lint 040, a JSON key that is there
//! twice, is no matter of taste and stands as `VSS0511`, and a
//! misspelt condition operator as `VSS0506`: IAM refuses both.

use serde_json::{Map, Value};

use super::actions;
use super::widen::fits;

/// Codes that an entry can allow, with a reason.
pub const LINTS: [&str; 16] = [
    "VSS1010", "VSS1011", "VSS1012", "VSS1013", "VSS1014", "VSS1020", "VSS1021", "VSS1022", "VSS1023", "VSS1024",
    "VSS1025", "VSS1030", "VSS1031", "VSS1041", "VSS1042", "VSS1043",
];

/// What a document is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To a principal: it names resources.
    Identity,
    /// To a role, as its trust: it names principals.
    Trust,
    /// To a resource: it names principals and resources.
    Resource,
}

/// One thing that a document should not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Such as `VSS1010`.
    pub code: &'static str,
    /// It stops the run unless the entry allows it; else it is a warning.
    pub is_error: bool,
    /// What the statement does, to follow its name: ``lets anybody assume the role``.
    pub message: String,
    /// Where in the document, such as `Statement[1]`; empty for the document itself.
    pub path: String,
    /// The way out.
    pub help: String,
}

/// Services whose roles a stack for backups has.
const SERVICES: [&str; 4] = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "backup.amazonaws.com", "ssm.amazonaws.com"];

/// Each of these lets its holder get more privileges than it has.
const ESCALATIONS: [&str; 20] = [
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

/// With `iam:PassRole`, each of these runs something as another role.
const RUNNERS: [&str; 5] = [
    "ec2:AssociateIamInstanceProfile",
    "ec2:RunInstances",
    "lambda:CreateFunction",
    "ssm:StartAutomationExecution",
    "ssm:CreateAssociation",
];

/// With these, whoever takes over an instance destroys its backups too.
const RANSOMS: [&str; 3] = ["backup:DeleteRecoveryPoint", "ec2:DeleteSnapshot", "kms:ScheduleKeyDeletion"];

/// Lints a document as it was written. `account` is the stack's own.
pub fn lint(document: &Value, used: Use, account: &str) -> Vec<Lint> {
    let mut found = Vec::new();
    match document.get("Version").and_then(Value::as_str) {
        Some("2012-10-17") => {}
        version => {
            let what = if version.is_some() { "is of the version 2008-10-17" } else { "has no `Version`" };
            let message = format!("{what}: policy variables such as `${{aws:username}}` are plain text in it");
            add(&mut found, "VSS1041", false, message, "", "write `Version = \"2012-10-17\"`");
        }
    }
    for (index, statement) in statements(document).into_iter().enumerate() {
        let path = format!("Statement[{index}]");
        let mut one = Statement { words: statement, path: &path, found: &mut found };
        one.spelling();
        match used {
            Use::Trust => one.trust(account),
            Use::Identity => one.identity(),
            Use::Resource => one.not_principal(),
        }
    }
    if used == Use::Identity && is_copy(document) {
        let message = "is a copy of AWS's `AWSEC2VssSnapshotPolicy`, which AWS has changed since".to_owned();
        add(&mut found, "VSS1031", false, message, "", "attach the managed policy in its place");
    }
    found
}

/// Finds what a role that instances carry should not be allowed to do.
pub fn lint_instance(document: &Value) -> Vec<Lint> {
    let mut found = Vec::new();
    for (index, statement) in statements(document).into_iter().enumerate().filter(|(_, statement)| allows(statement)) {
        let actions = lower(statement, "Action");
        let may: Vec<&str> =
            RANSOMS.into_iter().filter(|ransom| actions.iter().any(|action| means(action, ransom))).collect();
        if !may.is_empty() {
            let message = format!("lets instances do {}: who takes one over destroys its backups too", quoted(&may));
            let path = format!("Statement[{index}]");
            add(&mut found, "VSS1030", true, message, &path, "give that to another role, which no instance carries");
        }
    }
    found
}

/// Tells whether a document allows changes of IAM.
pub fn writes_iam(document: &Value) -> bool {
    statements(document).into_iter().filter(|statement| allows(statement)).any(|statement| {
        lower(statement, "Action").iter().any(|action| {
            let reads = ["iam:get", "iam:list", "iam:passrole", "iam:simulate", "iam:generate"];
            (action.starts_with("iam:") || action == "*") && !reads.iter().any(|verb| action.starts_with(verb))
        })
    })
}

fn add(found: &mut Vec<Lint>, code: &'static str, is_error: bool, message: String, path: &str, help: &str) {
    found.push(Lint { code, is_error, message, path: path.to_owned(), help: help.to_owned() });
}

fn statements(document: &Value) -> Vec<&Map<String, Value>> {
    match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(one)) => vec![one],
        _ => Vec::new(),
    }
}

fn allows(statement: &Map<String, Value>) -> bool {
    statement.get("Effect").is_some_and(|effect| effect == "Allow")
}

/// One string or a list of them.
fn list(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn lower(statement: &Map<String, Value>, element: &str) -> Vec<String> {
    list(statement.get(element)).into_iter().map(str::to_ascii_lowercase).collect()
}

/// Tells whether a pattern in lower case means an action.
fn means(pattern: &str, action: &str) -> bool {
    fits(pattern, &action.to_ascii_lowercase())
}

fn quoted(names: &[impl AsRef<str>]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", name.as_ref())).collect();
    match names.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        Some(0) | None => shown.join(", "),
    }
}

/// AWS's document asks for the tag `AwsVssConfig` on what `CreateSnapshots` makes; nobody else's does.
fn is_copy(document: &Value) -> bool {
    statements(document).into_iter().any(|statement| {
        lower(statement, "Action").contains(&"ec2:createsnapshots".to_owned())
            && statement.get("Condition").is_some_and(|condition| condition.to_string().contains("/AwsVssConfig"))
    })
}

struct Statement<'a> {
    words: &'a Map<String, Value>,
    path: &'a str,
    found: &'a mut Vec<Lint>,
}

impl<'a> Statement<'a> {
    fn error(&mut self, code: &'static str, message: impl Into<String>, help: &str) {
        add(self.found, code, true, message.into(), self.path, help);
    }

    /// (operator, key, values) of the conditions.
    fn conditions(&self) -> Vec<(&'a str, &'a str, Vec<&'a str>)> {
        let operators = self.words.get("Condition").and_then(Value::as_object).into_iter().flatten();
        let keyed = operators.flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| (operator.as_str(), key.as_str(), list(Some(values))))
        });
        keyed.collect()
    }

    /// The conditions that hold only where a key has one of some values: `Not`, `Null` and `ForAllValues` let everybody
    /// through but some, or whoever does not send the key, and so does `IfExists` unless the key `is_sent` always.
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
        // Whoever passes a role says to whom.
        let bounds = self.bounds(wanted == "iam:PassedToService");
        bounds.iter().any(|(key, _)| key.to_ascii_lowercase().starts_with(&wanted.to_ascii_lowercase()))
    }

    /// Action names and conditions that IAM does not know.
    fn spelling(&mut self) {
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

    fn not_principal(&mut self) {
        if self.words.contains_key("NotPrincipal") && allows(self.words) {
            self.error(
                "VSS1012",
                "allows everybody but some with `NotPrincipal`",
                "name those who may, with `Principal`",
            );
        }
    }

    fn trust(&mut self, account: &str) {
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
        // repo:OWNER/NAME:...: a wildcard in the first two parts is everybody's repository.
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

    fn identity(&mut self) {
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
        // `*` and `iam:*` have been named; what they hold is no news.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(statement: &Value, used: Use) -> Vec<&'static str> {
        let document = json!({ "Version": "2012-10-17", "Statement": statement });
        lint(&document, used, "123456789012").into_iter().map(|lint| lint.code).collect()
    }

    fn trust(principal: &Value, condition: &Value) -> Vec<&'static str> {
        let statement =
            json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition });
        codes(&statement, Use::Trust)
    }

    fn identity(action: &Value, resource: &str, condition: &Value) -> Vec<&'static str> {
        let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition });
        codes(&statement, Use::Identity)
    }

    #[test]
    fn actions_are_named_in_the_case_of_aws() {
        let named = ESCALATIONS.into_iter().chain(RUNNERS).chain(RANSOMS);
        for action in named.filter(|action| !action.starts_with("lambda:")) {
            assert_eq!(actions::spelled(action).as_deref(), Some(action));
        }
        let statement = json!({ "Effect": "Allow", "Action": "iam:putrole*", "Resource": "arn:aws:iam::1:role/a" });
        let document = json!({ "Version": "2012-10-17", "Statement": statement });
        let message = &lint(&document, Use::Identity, "1")[0].message;
        let ways = "`iam:PutRolePermissionsBoundary`, `iam:PutRolePolicy`";
        assert!(message.ends_with(ways), "{message}");
    }

    #[test]
    fn a_condition_that_lets_through_who_does_not_send_the_key_bounds_nothing() {
        let provider =
            json!({ "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" });
        let (sub, other) =
            ("token.actions.githubusercontent.com:sub", json!({ "AWS": "arn:aws:iam::111111111111:root" }));
        for operator in ["StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringLike", "StringNotLikeIfExists"]
        {
            assert_eq!(trust(&provider, &json!({ operator: { sub: "repo:o/r:ref:x" } })), ["VSS1013"], "{operator}");
            assert_eq!(trust(&other, &json!({ operator: { "sts:ExternalId": "x" } })), ["VSS1011"], "{operator}");
            let passed = json!({ operator: { "iam:PassedToService": "x" } });
            let pass = identity(&json!("iam:PassRole"), "arn:aws:iam::123456789012:role/a", &passed);
            assert_eq!(pass.is_empty(), operator == "StringEqualsIfExists", "{operator}");
        }
        assert_eq!(trust(&other, &json!({ "StringLike": { "sts:ExternalId": "*" } })), ["VSS1011"]);
        assert_eq!(trust(&other, &json!({ "Null": { "sts:ExternalId": "false" } })), ["VSS1011"]);
        assert_eq!(trust(&provider, &json!({ "ForAnyValue:StringLike": { sub: "repo:o/r:*" } })), [""; 0]);
    }

    #[test]
    fn trust_policies_are_bounded() {
        let none = json!({});
        assert_eq!(trust(&json!("*"), &none), ["VSS1010"]);
        assert_eq!(trust(&json!({ "AWS": ["*"] }), &none), ["VSS1010"]);
        assert_eq!(trust(&json!({ "AWS": "arn:aws:iam::111111111111:root" }), &none), ["VSS1011"]);
        assert_eq!(
            trust(&json!({ "AWS": "111111111111" }), &json!({ "StringEquals": { "sts:ExternalId": "x" } })),
            [""; 0]
        );
        assert_eq!(trust(&json!({ "AWS": "123456789012" }), &none), [""; 0]);
        assert_eq!(trust(&json!({ "AWS": "arn:aws:iam::111111111111:role/a" }), &none), [""; 0]);
        assert_eq!(trust(&json!({ "Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"] }), &none), ["VSS1014"]);
        let not = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": "123456789012" }, "Action": "sts:AssumeRole" });
        assert_eq!(codes(&not, Use::Trust), ["VSS1012"]);
    }

    #[test]
    fn federated_subjects_name_a_repository() {
        let provider =
            json!({ "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" });
        let subject = |subject: &str| json!({ "StringLike": { "token.actions.githubusercontent.com:sub": subject } });
        assert_eq!(trust(&provider, &json!({})), ["VSS1013"]);
        for open in ["*", "repo:*", "repo:org/*", "repo:*/x:ref:refs/heads/main"] {
            assert_eq!(trust(&provider, &subject(open)), ["VSS1013"], "{open}");
        }
        assert_eq!(trust(&provider, &subject("repo:org/name:*")), [""; 0]);
    }

    #[test]
    fn privileges_are_bounded() {
        let none = json!({});
        assert_eq!(identity(&json!("*"), "*", &none), ["VSS1020"]);
        assert_eq!(identity(&json!("EC2:*"), "*", &none), ["VSS1020"]);
        assert_eq!(identity(&json!("ec2:*"), "arn:aws:ec2:*:*:image/*", &none), [""; 0]);
        assert_eq!(identity(&json!("iam:PassRole"), "*", &none), ["VSS1022"]);
        let role = "arn:aws:iam::123456789012:role/x";
        assert_eq!(identity(&json!("iam:PassRole"), role, &none), ["VSS1022"]);
        let backup = json!({ "StringEquals": { "iam:PassedToService": "backup.amazonaws.com" } });
        assert_eq!(identity(&json!("iam:PassRole"), role, &backup), [""; 0]);
        assert_eq!(identity(&json!(["iam:PassRole", "ec2:RunInstances"]), role, &backup), ["VSS1023"]);
        assert_eq!(identity(&json!("iam:Put*"), role, &none), ["VSS1023"]);
        assert_eq!(identity(&json!("ssm:SendCommand"), "*", &none), ["VSS1023"]);
        assert_eq!(identity(&json!("ssm:SendCommand"), "arn:aws:ssm:*:*:document/x", &none), [""; 0]);
        let not = json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" });
        assert_eq!(codes(&not, Use::Identity), ["VSS1021"]);
        let deny = json!({ "Effect": "Deny", "NotAction": "iam:*", "Resource": "*" });
        assert_eq!(codes(&deny, Use::Identity), [""; 0]);
    }

    #[test]
    fn slips_are_found() {
        let none = json!({});
        assert_eq!(identity(&json!("ec2:DescribeImage"), "*", &none), ["VSS1042"]);
        assert_eq!(identity(&json!(["ec2:Describe*", "elsewhere:Anything"]), "*", &none), [""; 0]);
        let action = json!("ec2:DescribeImages");
        assert_eq!(identity(&action, "*", &json!({ "StringEquals": { "SourceAccount": "1" } })), ["VSS1043"]);
        assert_eq!(identity(&action, "*", &json!({ "StringEquals": { "aws:SourceAccount": "" } })), ["VSS1043"]);
        let set = json!({ "ForAllValues:StringLikeIfExists": { "aws:TagKeys": "a" } });
        assert_eq!(identity(&action, "*", &set), [""; 0]);
        let old = json!({ "Statement": [{ "Effect": "Allow", "Action": "ec2:DescribeImages", "Resource": "*" }] });
        assert_eq!(lint(&old, Use::Identity, "1").len(), 1);
    }

    #[test]
    fn instances_cannot_destroy_their_backups() {
        let allow = |action: &str| json!({ "Statement": { "Effect": "Allow", "Action": action, "Resource": "*" } });
        assert_eq!(lint_instance(&allow("ec2:DeleteSnap*")).len(), 1);
        assert!(lint_instance(&allow("ec2:CreateSnapshot")).is_empty());
        assert!(writes_iam(&allow("iam:CreateRole")) && !writes_iam(&allow("iam:GetRole")));
    }
}
