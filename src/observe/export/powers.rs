//! Which policies are about VSS snapshots, and which roles are for instances. Pure.

use serde_json::Value;

use crate::policy;

/// What makes a VSS snapshot, for AWS's own policy and for hand-written ones.
const MAKES: [&str; 3] = ["ec2:CreateSnapshot", "ec2:CreateSnapshots", "ec2:CreateImage"];

/// Tells whether a document, as AWS returns it, names an action that makes snapshots or images. One that allows all
/// actions of a service is not about snapshots.
pub(super) fn makes_snapshots(document: &str) -> bool {
    let Some(document) = parsed(document) else { return false };
    let statements = document["Statement"].as_array().into_iter().flatten();
    let allowed = statements.filter(|statement| statement["Effect"] == "Allow");
    let mut actions = allowed.flat_map(|statement| texts(&statement["Action"]));
    actions.any(|action| MAKES.iter().any(|known| known.eq_ignore_ascii_case(action)))
}

/// Tells whether a trust policy lets EC2 instances have the role.
pub(super) fn is_for_instances(trust: &str) -> bool {
    let Some(document) = parsed(trust) else { return false };
    let mut statements = document["Statement"].as_array().into_iter().flatten();
    statements.any(|statement| {
        texts(&statement["Principal"]["Service"]).any(|service| service.starts_with("ec2.amazonaws.com"))
    })
}

fn parsed(text: &str) -> Option<Value> {
    let decoded = if text.trim_start().starts_with('{') { text.to_owned() } else { policy::url_decode(text).ok()? };
    policy::parse(&decoded).ok()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    list.iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_about_snapshots_when_it_names_what_makes_them() {
        let document = |effect: &str, action: &str| {
            let statement = format!(r#"{{"Effect":"{effect}","Action":{action},"Resource":"*"}}"#);
            format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
        };
        for (effect, action, is) in [
            ("Allow", r#""ec2:CreateSnapshots""#, true),
            ("Allow", r#"["ec2:Describe*","EC2:createimage"]"#, true),
            ("Allow", r#""ec2:*""#, false),
            ("Allow", r#""ec2:CreateTags""#, false),
            ("Deny", r#""ec2:CreateSnapshot""#, false),
        ] {
            assert_eq!(makes_snapshots(&document(effect, action)), is, "{effect} {action}");
        }
        let encoded = document("Allow", r#""ec2:CreateImage""#).replace('"', "%22").replace('{', "%7B");
        assert!(makes_snapshots(&encoded.replace('}', "%7D")));
        assert!(!makes_snapshots("no document"));
    }

    #[test]
    fn a_role_is_for_instances_when_ec2_may_assume_it() {
        let trust = |principal: &str| {
            let statement = format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}"#);
            format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
        };
        assert!(is_for_instances(&trust(r#"{"Service":["ssm.amazonaws.com","ec2.amazonaws.com"]}"#)));
        assert!(is_for_instances(&trust(r#"{"Service":"ec2.amazonaws.com.cn"}"#)));
        assert!(!is_for_instances(&trust(r#"{"Service":"backup.amazonaws.com"}"#)));
        assert!(!is_for_instances(&trust(r#""*""#)));
    }
}
