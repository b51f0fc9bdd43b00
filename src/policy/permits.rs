//! What the file's policy documents permit, as far as a file alone can tell: conditions are assumed to hold where they
//! allow, and not to hold where they deny.

use serde_json::{Value, json};

/// Makes the canonical trust policy that lets AWS services assume a role.
pub fn trust_policy(services: &[&str]) -> Value {
    let mut services = services.to_vec();
    services.sort_unstable();
    services.dedup();
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": services },
            "Action": ["sts:AssumeRole"],
        }],
    })
}

/// Tells whether a policy, in canonical form, allows an action on some resource and does not deny it on all of them.
pub(crate) fn allows(document: &Value, action: &str) -> bool {
    decide(document, |statement| {
        let everywhere = texts(&statement["Resource"]).any(|resource| resource == "*");
        acts(statement, action) && (statement["Effect"] == "Allow" || everywhere)
    })
}

fn decide(document: &Value, concerns: impl Fn(&Value) -> bool) -> bool {
    let statements = document["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    let some = |effect: &'static str| statements.iter().filter(move |statement| statement["Effect"] == effect);
    some("Allow").any(&concerns)
        && !some("Deny").any(|statement| statement.get("Condition").is_none() && concerns(statement))
}

fn acts(statement: &Value, action: &str) -> bool {
    let named = |patterns: &Value| texts(patterns).any(|pattern| fits(pattern, action));
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(patterns), _) => named(patterns),
        (None, Some(others)) => !named(others),
        (None, None) => false,
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    list.iter().filter_map(Value::as_str)
}

/// Matches an action, without regard to case, against a pattern with `*` and `?`.
pub(crate) fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase().into_bytes(), action.to_ascii_lowercase().into_bytes());
    let (mut at, mut read) = (0, 0);
    // The place of the last star, and the end of the text that it takes.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == b'?' || *letter == text[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((place, reach)) = star else { return false };
                star = Some((place, reach + 1));
                at = place + 1;
                read = reach + 1;
            }
        }
    }
    pattern[at..].iter().all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_allowed_by_patterns_and_unless_denied_everywhere() {
        let allow = |action: &str| json!({ "Effect": "Allow", "Action": [action], "Resource": ["arn:x"] });
        let document = |statements: &[Value]| allows(&json!({ "Statement": statements }), "ec2:CreateImage");
        for action in ["*", "EC2:*", "ec2:createimage", "ec2:Create*", "ec2:*Im?ge"] {
            assert!(document(&[allow(action)]), "{action}");
        }
        for action in ["ec2:CreateImages", "ec2:Create", "s3:*", "ec2:?"] {
            assert!(!document(&[allow(action)]), "{action}");
        }
        let deny = |resource: &str| json!({ "Effect": "Deny", "Action": ["ec2:*"], "Resource": [resource] });
        assert!(!document(&[allow("*"), deny("*")]));
        assert!(document(&[allow("*"), deny("arn:y")]));
        assert!(document(&[json!({ "Effect": "Allow", "NotAction": ["s3:*"], "Resource": ["*"] })]));
    }
}
