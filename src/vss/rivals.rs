//! Packages of one file that undo each other: both mean an instance, and each brings it another version, or one removes
//! what the other one installs.
//!
//! Neither State Manager nor Run Command knows a precedence between targets: each run does what its own parameters say,
//! and the instance keeps what the last one did. AWS pages: "Understanding targets and rate controls in State Manager
//! associations", the document `AWS-ConfigureAWSPackage`.

use serde_json::Value;

use super::targets;
use super::together::Specimen;
use super::version::{NEWEST, compare};
use crate::kind::Fields;

/// What one entry does to each of its instances.
#[derive(Clone, Copy, Debug)]
struct Does<'a> {
    package: &'a str,
    removes: bool,
    /// None is the newest version, or whichever is there where it removes the package.
    version: Option<&'a str>,
}

impl<'a> Does<'a> {
    fn of(fields: &'a Fields) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = text("package_name");
        let version = Some(text("version")).filter(|version| !version.is_empty() && *version != "latest");
        // A package of AWS's has an ARN as well as a name.
        let package = name.rsplit_once("package/").map_or(name, |(_, name)| name);
        Self { package, removes: text("action") == "Uninstall", version }
    }

    /// Tells whether an instance can't be as both leave it. The newest version is the newest one that is known here.
    fn undoes(self, other: Self) -> bool {
        let version = |does: Self| does.version.unwrap_or(NEWEST);
        self.package == other.package
            && match (self.removes, other.removes) {
                (false, false) => compare(version(self), version(other)).is_ne(),
                (true, true) => false,
                (true, false) | (false, true) => true,
            }
    }

    fn words(self) -> String {
        match (self.removes, self.version) {
            (false, Some(version)) => format!("installs {version}"),
            (false, None) => "installs the newest version".to_owned(),
            (true, _) => "removes the package".to_owned(),
        }
    }
}

/// What two packages do to instances that both mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rivalry {
    /// Which instances, such as `` `tag:VssBackup` = `enabled` ``.
    pub instances: String,
    /// What the first one does there, such as `installs 2.5.0`.
    pub first: String,
    /// What the second one does there.
    pub second: String,
}

/// Finds out whether two packages undo each other, from the fields of their entries and the instances that there are.
pub fn between(one: &Fields, other: &Fields, instances: &[Specimen]) -> Option<Rivalry> {
    let (first, second) = (Does::of(one), Does::of(other));
    if !first.undoes(second) {
        return None;
    }
    let targets = |fields: &Fields| fields.get("targets").cloned().unwrap_or_default();
    let instances = targets::shared(&targets(one), &targets(other), instances)?;
    Some(Rivalry { instances, first: first.words(), second: second.words() })
}

/// What to do about two packages that undo each other.
pub const REMEDY: &str = "each run undoes what the other one did: let both ask for one version, or give them targets \
                          that mean different instances, such as two values of one tag";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(action: &str, version: &str, targets: &Value) -> Fields {
        let all = json!({
            "package_name": "AwsVssComponents", "action": action, "version": version, "targets": targets,
        });
        all.as_object().cloned().expect("a map")
    }

    #[test]
    fn two_packages_undo_each_other_where_an_instance_can_t_be_as_both_leave_it() {
        let targets = json!({ "tag:a": ["1"] });
        let cases = [
            (("Install", "2.5.0"), ("Install", "2.5.1"), true),
            (("Install", "2.5.0"), ("Install", "2.5.0"), false),
            (("Install", "2.5.0"), ("Install", "2.5"), false),
            (("Install", ""), ("Install", "2.1.0"), true),
            (("Install", ""), ("Install", NEWEST), false),
            (("Install", ""), ("Install", "latest"), false),
            (("Install", "2.5.0"), ("Uninstall", ""), true),
            (("Uninstall", ""), ("Uninstall", "2.5.0"), false),
        ];
        for (one, other, undoes) in cases {
            let [first, second] = [one, other].map(|(action, version)| fields(action, version, &targets));
            assert_eq!(between(&first, &second, &[]).is_some(), undoes, "{one:?} {other:?}");
            assert_eq!(between(&second, &first, &[]).is_some(), undoes, "{other:?} {one:?}");
        }
    }

    #[test]
    fn only_the_same_package_on_the_same_instances_counts() {
        let one = fields("Install", "2.5.0", &json!({ "tag:a": ["1"] }));
        let mut other = fields("Install", "2.5.1", &json!({ "tag:a": ["1", "2"] }));
        let found = between(&one, &other, &[]).expect("rivals");
        assert_eq!(
            (found.instances.as_str(), found.first.as_str(), found.second.as_str()),
            ("`tag:a` = `1` or `2`", "installs 2.5.0", "installs 2.5.1")
        );
        other.insert("package_name".to_owned(), json!("arn:aws:ssm:::package/AwsVssComponents"));
        assert!(between(&one, &other, &[]).is_some());
        other.insert("package_name".to_owned(), json!("AmazonCloudWatchAgent"));
        assert_eq!(between(&one, &other, &[]), None);
        let elsewhere = fields("Install", "2.5.1", &json!({ "InstanceIds": ["i-1"] }));
        assert_eq!(between(&one, &elsewhere, &[]), None);
        let tags = [("a".to_owned(), "1".to_owned())].into_iter().collect();
        let arn = "arn:aws:ec2:eu-west-1:123456789012:instance/i-1".to_owned();
        let sql = Specimen { arn, tags, title: Some("sql".to_owned()) };
        assert_eq!(between(&one, &elsewhere, &[sql]).expect("rivals").instances, "sql");
    }
}
