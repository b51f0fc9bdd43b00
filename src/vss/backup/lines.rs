//! The lines of the file that mend a cause.

use serde_json::Value;

use super::{Line, entries};
use crate::kind::Desired;
use crate::kind::value::text;
use crate::model::KindId;
use crate::vss::evidence::Instance;
use crate::vss::verify::Cause;

/// Returns the lines of the file that mend the causes on one instance.
pub fn lines(causes: &[Cause], desired: &[Desired], instance: &Instance) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for check in causes.iter().flat_map(|cause| &cause.checks) {
        let line = match check.as_str() {
            "D012" | "D020" => Some(attachment(desired, instance)),
            "D021" => Some(policies(desired, instance)),
            "D022" | "D030" | "D031" => Some(components(desired, instance)),
            "D023" => backup_role(desired),
            _ => None,
        };
        lines.extend(line.filter(|line| !lines.contains(line)));
    }
    lines
}

/// Returns the file's first instance profile, which a new `[attachment.*]` names by its key.
fn profile(desired: &[Desired]) -> Option<&Desired> {
    entries(desired, KindId::InstanceProfile).next()
}

fn target(instance: &Instance) -> String {
    format!("targets = {{ instance_ids = [\"{}\"] }}", instance.id)
}

fn key(entry: &Desired) -> String {
    let address = entry.address.to_string();
    address.split_once('.').map_or(address.clone(), |(_, key)| key.to_owned())
}

fn attachment(desired: &[Desired], instance: &Instance) -> Line {
    let means = |entry: &&Desired| {
        let targets = entry.fields.get("targets").unwrap_or(&Value::Null);
        crate::kind::targets::means(targets, &instance.id, &instance.tags)
    };
    if let Some(entry) = entries(desired, KindId::Attachment).find(means) {
        return entry_line(entry, "it is there and not applied: run `vssctl apply`");
    }
    let profile = profile(desired).map_or_else(|| "EC2RoleforSSMVSSSnapshotV2".to_owned(), key);
    let name: String = instance
        .name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(64)
        .collect();
    let name = if name.is_empty() { "windows".to_owned() } else { name };
    Line {
        location: None,
        toml: vec![format!("[attachment.{name}]"), format!("instance_profile = \"{profile}\""), target(instance)],
        advice: "add these lines, and run `vssctl apply`".to_owned(),
    }
}

fn policies(desired: &[Desired], instance: &Instance) -> Line {
    let carried = instance.profile_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
    let own = entries(desired, KindId::InstanceProfile).find(|entry| Some(entry.name.as_str()) == carried);
    let Some(profile) = own else { return attachment(desired, instance) };
    let role = text(&profile.fields, "role");
    match entries(desired, KindId::Role).find(|entry| entry.name == role) {
        Some(role) => {
            let attached = role.fields.get("managed_policies").and_then(Value::as_array).into_iter().flatten();
            let has = attached.filter_map(Value::as_str).any(|arn| arn.ends_with("/AWSEC2VssSnapshotPolicy"));
            if has {
                return entry_line(role, "it asks for the policy: run `vssctl apply`");
            }
            let mut line =
                entry_line(role, "with this line the role gets the policies that VSS needs; then `vssctl apply`");
            line.toml.push("preset = \"vss-instance\"".to_owned());
            line
        }
        None => entry_line(profile, "its role is not in the file: give it `AWSEC2VssSnapshotPolicy`"),
    }
}

fn components(desired: &[Desired], instance: &Instance) -> Line {
    let is_package = |entry: &&Desired| text(&entry.fields, "package_name") == "AwsVssComponents";
    let means = |entry: &Desired| {
        let targets = entry.fields.get("targets").unwrap_or(&Value::Null);
        crate::kind::targets::means(targets, &instance.id, &instance.tags)
    };
    let all: Vec<&Desired> = entries(desired, KindId::Package).filter(is_package).collect();
    if let Some(entry) = all.iter().find(|entry| means(entry)) {
        return entry_line(entry, "it means the instance: run `vssctl apply`, and look at how the installation went");
    }
    if let Some(entry) = all.first() {
        let advice = "its `targets` do not mean the instance: widen them, or tag the instance; then `vssctl apply`";
        return entry_line(entry, advice);
    }
    Line {
        location: None,
        toml: vec![
            "[package.AwsVssComponents]".to_owned(),
            "minimum_version = \"2.3.1\"".to_owned(),
            target(instance),
            "schedule = \"rate(1 day)\"".to_owned(),
        ],
        advice: "add these lines, and run `vssctl apply`".to_owned(),
    }
}

fn backup_role(desired: &[Desired]) -> Option<Line> {
    let role = entries(desired, KindId::Selection).find_map(|entry| text(&entry.fields, "role").rsplit('/').next())?;
    let entry = entries(desired, KindId::Role).find(|entry| entry.name == role)?;
    let mut line = entry_line(entry, "with this line the role is what AWS Backup needs; then `vssctl apply`");
    line.toml.push("preset = \"backup-service\"".to_owned());
    Some(line)
}

fn entry_line(entry: &Desired, advice: &str) -> Line {
    let address = entry.address.to_string();
    Line { location: entry.location.clone(), toml: vec![format!("[{address}]")], advice: advice.to_owned() }
}
