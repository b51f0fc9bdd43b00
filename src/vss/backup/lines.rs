//! The lines of the file that mend a cause.

use serde_json::Value;

use super::{Line, entries};
use crate::kind::Desired;
use crate::kind::value::text;
use crate::model::KindId;
use crate::vss::evidence::Instance;
use crate::vss::package::{PACKAGE, is_package};
use crate::vss::verify::Cause;
use crate::vss::version::{MANAGED_POLICY, System, compare};

/// Returns the lines of the file that mend the causes on one instance.
pub fn lines(causes: &[Cause], desired: &[Desired], instance: &Instance, system: Option<&System>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for check in causes.iter().flat_map(|cause| &cause.checks) {
        let line = match check.as_str() {
            "D012" | "D020" => Some(attachment(desired, instance)),
            "D021" => Some(policies(desired, instance, system)),
            // On a system without a version that sets the tag it is the policy that has to change.
            "D022" if system.is_some_and(|system| system.only().is_some()) => Some(policies(desired, instance, system)),
            "D002" => system.and_then(System::only).map(|_| components(desired, instance, system)),
            "D022" | "D030" | "D031" => Some(components(desired, instance, system)),
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
        return entry_line(
            entry,
            "it means the instance, which does not carry the profile: `vssctl plan` shows what is left to apply",
        );
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

fn policies(desired: &[Desired], instance: &Instance, system: Option<&System>) -> Line {
    let carried = instance.profile_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
    let own = entries(desired, KindId::InstanceProfile).find(|entry| Some(entry.name.as_str()) == carried);
    let Some(profile) = own else { return attachment(desired, instance) };
    let role = text(&profile.fields, "role");
    match entries(desired, KindId::Role).find(|entry| entry.name == role) {
        Some(role) => {
            if let Some(advice) = system.and_then(System::policy_advice) {
                return entry_line(role, &format!("{advice}; then `vssctl apply`"));
            }
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
        None => match system.and_then(System::policy_advice) {
            Some(advice) => entry_line(profile, &format!("its role is not in the file: {advice}")),
            None => entry_line(profile, "its role is not in the file: give it `AWSEC2VssSnapshotPolicy`"),
        },
    }
}

fn components(desired: &[Desired], instance: &Instance, system: Option<&System>) -> Line {
    let is_package = |entry: &&Desired| is_package(text(&entry.fields, "package_name"));
    let means = |entry: &Desired| {
        let targets = entry.fields.get("targets").unwrap_or(&Value::Null);
        crate::kind::targets::means(targets, &instance.id, &instance.tags)
    };
    let only = system.and_then(System::only);
    // A package of another version has nothing to say where one version alone works.
    let is_fit = |entry: &&Desired| only.is_none_or(|only| compare(text(&entry.fields, "version"), only).is_eq());
    let all: Vec<&Desired> = entries(desired, KindId::Package).filter(is_package).collect();
    if let Some(entry) = all.iter().find(|entry| means(entry)) {
        let advice = match system.and_then(System::package_advice) {
            Some(advice) if !is_fit(entry) => format!("it means the instance: {advice}; then `vssctl apply`"),
            Some(_) | None => {
                "it means the instance: apply what `vssctl plan` shows; where that is nothing, look at how the \
                 installation went"
                    .to_owned()
            }
        };
        return entry_line(entry, &advice);
    }
    if let Some(entry) = all.iter().find(|entry| is_fit(entry)) {
        let advice = "its `targets` do not mean the instance: widen them, or tag the instance; then `vssctl apply`";
        return entry_line(entry, advice);
    }
    let (key, version) = match only {
        // The name `AwsVssComponents` may be taken by the entry for other servers.
        Some(only) if !all.is_empty() => {
            (format!("[package.vss-{}]", only.replace('.', "-")), format!("version = \"{only}\""))
        }
        Some(only) => ("[package.AwsVssComponents]".to_owned(), format!("version = \"{only}\"")),
        None => ("[package.AwsVssComponents]".to_owned(), format!("minimum_version = \"{MANAGED_POLICY}\"")),
    };
    let mut toml = vec![key];
    toml.extend((only.is_some() && !all.is_empty()).then(|| format!("package_name = \"{PACKAGE}\"")));
    toml.extend([version, target(instance), "schedule = \"rate(1 day)\"".to_owned()]);
    Line { location: None, toml, advice: "add these lines, and run `vssctl apply`".to_owned() }
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
