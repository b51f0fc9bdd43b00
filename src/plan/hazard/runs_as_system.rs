//! Packages other than AwsVssComponents: whoever may change the file runs what he likes on each server that such an
//! entry means, as AWS-ConfigureAWSPackage runs a package's scripts as SYSTEM.

use super::Hazard;
use super::notes::Notes;
use super::subject::Subject;
use crate::model::Action;
use crate::vss::package::{PACKAGE, is_package};
use crate::vss::targets;

/// What decides which scripts run, how, and where.
const DECIDES: [&str; 6] =
    ["package_name", "action", "version", "installation_type", "additional_arguments", "targets"];

/// Notes what a new or changed entry runs.
pub(super) fn package(subject: &Subject<'_>, notes: &mut Notes) {
    let runs = match subject.draft.action {
        Action::Create | Action::Replace => true,
        Action::Update | Action::Adopt => DECIDES.iter().any(|field| subject.changes(field)),
        Action::NoOp | Action::Delete | Action::Unknown | Action::Refused => false,
    };
    let name = subject.after("package_name").as_str().unwrap_or_default();
    if !runs || is_of_aws(name) {
        return;
    }
    let scripts = if subject.after("action") == "Uninstall" { "uninstall scripts" } else { "scripts" };
    let whom = targets::words(subject.after("targets"));
    let what =
        format!("the {scripts} of `{name}`, which is not AWS's {PACKAGE}, run as SYSTEM on the instances of {whom}");
    notes.add(Hazard::RunsAsSystem, what, "until the entry goes; what they did stays");
}

/// Tells whether a name means AWS's own package. The ARN of a package that somebody shares has an account in it.
fn is_of_aws(name: &str) -> bool {
    let owner = name.split(':').nth(4).unwrap_or_default();
    is_package(name) && owner.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_of_the_same_name_that_somebody_shares_is_not_the_one_of_aws() {
        for (name, wanted) in [
            ("AwsVssComponents", true),
            ("arn:aws:ssm:::package/AwsVssComponents", true),
            ("arn:aws-cn:ssm:::package/AwsVssComponents", true),
            ("arn:aws:ssm:us-east-1:999999999999:package/AwsVssComponents", false),
            ("arn:aws:ssm:us-east-1:999999999999:document/package/AwsVssComponents", false),
            ("AmazonCloudWatchAgent", false),
            ("awsvsscomponents", false),
            ("", false),
        ] {
            assert_eq!(is_of_aws(name), wanted, "{name}");
        }
    }
}
