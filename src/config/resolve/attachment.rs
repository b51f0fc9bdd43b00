//! Attachments: which instances carry which instance profile.

use crate::model::KindId;
use std::sync::LazyLock;

use regex::Regex;

use crate::config::context::{Context, Entry, Target};
use crate::config::problems::safe;
use crate::config::tree::Node;
use crate::kind::Desired;
use crate::kinds::attachment::spec::{AttachmentSpec, ResolvedAttachment};
use crate::model::Address;

/// The most instances that one entry names, as many as one EC2 filter takes.
const INSTANCES: usize = 200;

static INSTANCE_ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^i-([0-9a-f]{8}|[0-9a-f]{17})$").expect("the pattern is fixed"));

/// Resolves `[attachment.*]`.
pub(crate) fn attachments(file: &Node, context: &mut Context<'_>) -> Vec<Desired> {
    let mut all: Vec<Desired> = Vec::new();
    for entry in context.entries::<AttachmentSpec>(file.get("attachment"), KindId::Attachment, None) {
        let desired = attachment(&entry, context);
        let rival = all.iter().find(|other| {
            let differs = other.fields.get("instance_profile") != desired.fields.get("instance_profile");
            differs && other.fields.get("targets") == desired.fields.get("targets")
        });
        if let Some(rival) = rival {
            let message = format!("`{}` and `{}` mean the same instances", entry.address, rival.address);
            let diagnostic = entry
                .error("VSS0622", message)
                .label("with another profile")
                .help("an instance carries one profile: remove one of the entries");
            context.report(&entry.place(&["targets"]), diagnostic);
        }
        all.push(desired);
    }
    all
}

fn attachment(entry: &Entry<'_, AttachmentSpec>, context: &mut Context<'_>) -> Desired {
    let keys = ["instance_profile"];
    let target = context.reference(
        entry,
        &keys,
        &entry.spec.instance_profile,
        KindId::InstanceProfile,
        ("iam", "instance-profile"),
    );
    let (profile, address): (Option<String>, Option<Address>) = match target {
        Some(Target::Entry(address, _)) => {
            (context.iam_arn(KindId::InstanceProfile, &address, "instance-profile"), Some(address))
        }
        Some(Target::Arn(arn)) => {
            let place = entry.place(&keys);
            let fits = context.check_arn(entry, &place, &arn, false);
            (fits.then(|| arn.to_string()), own_profile(context, &arn.to_string()))
        }
        None => (None, None),
    };
    targets(entry, context);
    let resolved = ResolvedAttachment { instance_profile: profile, targets: entry.spec.targets.clone() };
    let mut desired = context.desired(entry, resolved.normal_form());
    if entry.spec.replace == Some(true) {
        desired.options.insert("replace".to_owned(), true.into());
    }
    desired.references.extend(address);
    desired
}

/// Finds the profile of the file that an ARN names.
fn own_profile(context: &Context<'_>, arn: &str) -> Option<Address> {
    let declared = context.declared.get(&KindId::InstanceProfile)?.iter();
    let mut addresses = declared.map(|profile| Address::new(KindId::InstanceProfile, profile.key.clone()));
    addresses.find(|address| {
        context.iam_arn(KindId::InstanceProfile, address, "instance-profile").is_some_and(|own| own == arn)
    })
}

fn targets(entry: &Entry<'_, AttachmentSpec>, context: &mut Context<'_>) {
    let targets = &entry.spec.targets;
    let mut report = |path: &[&str], message: String, label: &str| {
        let diagnostic = entry.error("VSS0621", message).label(label);
        context.problems.add(&entry.place(path), diagnostic);
    };
    let (tags, ids) = (targets.tags.as_ref(), targets.instance_ids.as_ref());
    if tags.is_some() == ids.is_some() {
        let what = if tags.is_some() { "`tags` and `instance_ids`" } else { "nothing" };
        report(&["targets"], format!("`{}` targets {what}", entry.address), "either `tags` or `instance_ids`");
    }
    if tags.is_some_and(std::collections::BTreeMap::is_empty) || ids.is_some_and(Vec::is_empty) {
        report(&["targets"], format!("`{}` targets no instances", entry.address), "empty");
    }
    for (key, values) in tags.into_iter().flatten() {
        if key.is_empty() || key.chars().count() > 128 {
            report(
                &["targets", "tags", key],
                format!("`{}` is no tag key", safe(key)),
                "a tag key has 1 to 128 characters",
            );
        }
        if values.0.is_empty() {
            report(&["targets", "tags", key], format!("the tag `{}` has no values", safe(key)), "empty");
        }
    }
    if let Some(count) = ids.map(Vec::len).filter(|count| *count > INSTANCES) {
        let message = format!("{count} instances, and {INSTANCES} is the most");
        report(&["targets", "instance_ids"], message, "target a tag");
    }
    for (index, id) in ids.into_iter().flatten().enumerate() {
        if !INSTANCE_ID.is_match(id) {
            let path = ["targets", "instance_ids", &index.to_string()];
            let message = format!("`{}` is no id of an EC2 instance", safe(id));
            let diagnostic = entry.error("VSS0611", message).label("such as `i-0123456789abcdef0`");
            context.report(&entry.place(&path), diagnostic);
        }
    }
}
