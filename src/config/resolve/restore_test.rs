//! Restore testing plans and their selections.

use std::collections::BTreeMap;

use crate::config::context::{Context, Entry, Target};
use crate::config::limits;
use crate::config::names::NameRule;
use crate::config::problems::safe;
use crate::config::tree::{Node, Tree};
use crate::kind::Desired;
use crate::kinds::restore_test::aws_name;
use crate::kinds::restore_test::spec::{
    RecoveryPointsSpec, ResolvedPoints, ResolvedRestoreSelection, ResolvedRestoreTest, RestoreMatchSpec,
    RestoreSelectionSpec, RestoreTestSpec,
};
use crate::kinds::selection::spec::pairs;
use crate::model::arn::Arn;
use crate::model::duration::{days, minutes};
use crate::model::{Address, KindId};

use super::rule::timing;
use super::values::{at_most, duration};

/// The names of restore testing plans.
const NAME: NameRule = NameRule { what: "restore testing plan", extra: "_", least: 1, most: 50, ignores_case: false };
/// The names of their selections.
const SELECTION_NAME: NameRule = NameRule { what: "restore testing selection", ..NAME };
/// The most selections of a plan.
const SELECTIONS: usize = 30;
/// The longest start and validation window, in hours.
const HOURS: u32 = 168;
/// The age of the oldest recovery point that a test takes, in days.
const DAYS: u32 = 365;

/// What stands for all vaults, or all instances.
const ALL: &str = "*";

/// Resolves `[restore_test.*]` with selections.
pub(crate) fn restore_tests(file: &Node, context: &mut Context<'_>) -> Vec<Desired> {
    let mut all = Vec::new();
    for (key, member) in file.get(KindId::RestoreTest.name()).into_iter().flat_map(Node::members) {
        // Selections are read one by one, so that a bad one hides nothing else.
        let mut node = member.node.clone();
        if let Tree::Table(members) = &mut node.tree {
            members.shift_remove("selection");
        }
        let address = Address::new(KindId::RestoreTest, key);
        if let Some(entry) = context.entry::<RestoreTestSpec>(&node, &member.key, address) {
            all.push(restore_test(&entry, member.node.get("selection"), context));
        }
    }
    context.check_unique(KindId::RestoreTest, NAME);
    all
}

fn restore_test(entry: &Entry<'_, RestoreTestSpec>, selections: Option<&Node>, context: &mut Context<'_>) -> Desired {
    context.check_name(entry, NAME);
    let mut references = Vec::new();
    for (key, given) in [
        ("schedule", entry.spec.schedule.is_some()),
        ("recovery_point_selection", entry.spec.recovery_point_selection.is_some()),
    ] {
        if !given && !entry.gives(key) {
            let diagnostic = entry
                .error("VSS0105", format!("`{}` has no `{key}`", entry.address))
                .label(format!("`{key}` is missing"));
            context.report(&entry.key, diagnostic);
        }
    }
    let (schedule, timezone) = timing(entry, entry.spec.schedule.as_deref(), entry.spec.timezone.as_deref(), context);
    let points = entry.spec.recovery_point_selection.as_ref();
    let mut resolved = ResolvedRestoreTest {
        schedule,
        timezone: entry.spec.timezone.as_ref().and(timezone).map(|(name, _)| name),
        start_window: hours(entry, "start_window", entry.spec.start_window.as_deref(), 1, context),
        points: points.map(|points| recovery_points(entry, points, context, &mut references)),
        selections: BTreeMap::new(),
        tags: context.merged_tags(entry, false),
    };
    let count = selections.map_or(0, |selections| selections.members().count());
    let too_many = |message| entry.error("VSS0706", message);
    if let Some(found) = at_most("selections", count, SELECTIONS, too_many) {
        context.report(&entry.key, found);
    }
    for (key, member) in selections.into_iter().flat_map(Node::members) {
        let Some(spec) = context.spec::<RestoreSelectionSpec>(&member.node, &member.key, &entry.address) else {
            continue;
        };
        let name = spec.name.clone().unwrap_or_else(|| aws_name(key));
        let part = Entry { address: entry.address.clone(), name, key: member.key.clone(), node: &member.node, spec };
        let selection = selection(&part, key, context, &mut references);
        if resolved.selections.contains_key(&part.name) {
            let message = format!("two selections of `{}` are named `{}`", entry.address, safe(&part.name));
            context.report(&part.place(&["name"]), part.error("VSS0205", message).label("taken"));
        }
        resolved.selections.insert(part.name.clone(), selection);
    }
    references.sort();
    references.dedup();
    Desired { references, ..context.desired(entry, resolved.normal_form()) }
}

fn recovery_points(
    entry: &Entry<'_, RestoreTestSpec>,
    points: &RecoveryPointsSpec,
    context: &mut Context<'_>,
    references: &mut Vec<Address>,
) -> ResolvedPoints {
    let window = ["recovery_point_selection", "selection_window"];
    let days = duration(context, entry, &window, points.selection_window.as_deref(), days::parse);
    if let Some(days) = days.filter(|days| !(1..=DAYS).contains(days)) {
        let diagnostic = entry
            .error("VSS0404", format!("`selection_window` is {days} days, out of range"))
            .label(format!("from `1d` to `{DAYS}d`"));
        context.report(&entry.place(&window), diagnostic);
    }
    if points.recovery_point_types.is_empty() {
        let place = entry.place(&["recovery_point_selection", "recovery_point_types"]);
        let diagnostic = entry
            .error("VSS0709", format!("`{}` takes no recovery points", entry.address))
            .label("no sort of recovery points")
            .help("write `recovery_point_types = [\"SNAPSHOT\"]`: those of EC2 are snapshots");
        context.report(&place, diagnostic);
    }
    let mut vaults = |key: &str, texts: &[String]| -> Vec<String> {
        let index = |index: usize| index.to_string();
        let each = texts.iter().enumerate().filter_map(|(at, text)| {
            vault(entry, &["recovery_point_selection", key, &index(at)], text, context, references)
        });
        each.collect()
    };
    ResolvedPoints {
        algorithm: points.algorithm.name(),
        include_vaults: vaults("include_vaults", &points.include_vaults),
        exclude_vaults: points.exclude_vaults.as_ref().map(|texts| vaults("exclude_vaults", texts)),
        recovery_point_types: points.recovery_point_types.iter().map(|one| one.name().to_owned()).collect(),
        selection_window: days.map(days::format),
    }
}

/// Returns the ARN of a vault that a test takes or leaves out, or `*`.
fn vault(
    entry: &Entry<'_, RestoreTestSpec>,
    keys: &[&str],
    text: &str,
    context: &mut Context<'_>,
    references: &mut Vec<Address>,
) -> Option<String> {
    if text == ALL {
        return Some(text.to_owned());
    }
    match context.reference(entry, keys, text, KindId::Vault, ("backup", "backup-vault"))? {
        Target::Entry(address, name) => {
            references.push(address);
            Some(context.scope.arn("backup", &format!("backup-vault:{name}")))
        }
        Target::Arn(arn) => {
            let place = entry.place(keys);
            context.check_arn(entry, &place, &arn, true).then(|| arn.to_string())
        }
    }
}

fn selection(
    entry: &Entry<'_, RestoreSelectionSpec>,
    key: &str,
    context: &mut Context<'_>,
    references: &mut Vec<Address>,
) -> ResolvedRestoreSelection {
    context.check_name_at(&entry.address, &entry.name, &entry.place(&["name"]), SELECTION_NAME);
    let role = context.role(entry, &["role"], &entry.spec.role);
    let (role, address) = role.unwrap_or_default();
    references.extend(address);
    check_match(entry, key, context);
    let overrides = entry.spec.overrides.as_ref().map(|overrides| {
        if overrides.is_empty() { String::new() } else { context.hidden.keep(serde_json::json!(overrides)) }
    });
    ResolvedRestoreSelection {
        role,
        matching: entry.spec.matching.clone(),
        overrides,
        validation_window: hours(entry, "validation_window", entry.spec.validation_window.as_deref(), 0, context),
    }
}

/// Checks what a selection takes. AWS takes ARNs or conditions, and not both: `UpdateRestoreTestingSelection`.
fn check_match(entry: &Entry<'_, RestoreSelectionSpec>, key: &str, context: &mut Context<'_>) {
    let RestoreMatchSpec { arns, all, not_equals } = &entry.spec.matching;
    let arns = arns.as_deref().unwrap_or_default();
    let has_tags = [all, not_equals].into_iter().any(|tags| !pairs(tags.as_ref()).is_empty());
    let place = entry.place(&["match"]);
    if arns.is_empty() && !has_tags {
        let diagnostic = entry
            .error("VSS0709", format!("the selection `{}` of `{}` takes nothing", safe(key), entry.address))
            .label("no ARN, and no tag")
            .help("name tags or ARNs, such as `match = { all = { VssBackup = \"enabled\" } }`");
        context.report(&place, diagnostic);
    } else if !arns.is_empty() && has_tags {
        let diagnostic = entry
            .error("VSS0709", format!("the selection `{}` of `{}` has both ARNs and tags", safe(key), entry.address))
            .label("AWS takes one or the other")
            .help("take `arns` out, or the tags");
        context.report(&place, diagnostic);
    }
    for (index, arn) in arns.iter().enumerate() {
        let keys = ["match", "arns", &index.to_string()];
        if arn == ALL && arns.len() > 1 {
            let message = format!("`*` of `{}` is all instances already", entry.address);
            context.report(&entry.place(&keys), entry.error("VSS0703", message).label("beside other ARNs"));
        } else if arn != ALL {
            context.own_arn(entry, &keys, arn, |text| Arn::parse_as(text, "ec2", "instance"));
        }
    }
    let conditions = pairs(all.as_ref()).len() + pairs(not_equals.as_ref()).len();
    let too_many = |message| entry.error("VSS0702", message);
    if let Some(found) = at_most("conditions", conditions, limits::CONDITIONS, too_many) {
        context.report(&place, found);
    }
    for (name, tags) in [("all", all), ("not_equals", not_equals)] {
        for tag in tags.iter().flatten().map(|(tag, _)| tag) {
            if tag.is_empty() || tag.chars().count() > 128 || tag.contains('=') || tag.starts_with("aws:ResourceTag/") {
                let message = format!("`{}` is no tag key to match", safe(tag));
                let diagnostic = entry
                    .error("VSS0704", message)
                    .label("1 to 128 characters without `=`, and without `aws:ResourceTag/`");
                context.report(&entry.key_place(&["match", name, tag]), diagnostic);
            }
        }
    }
}

/// Reads a window of whole hours, in canonical form.
fn hours<T>(
    entry: &Entry<'_, T>,
    key: &'static str,
    text: Option<&str>,
    least: u32,
    context: &mut Context<'_>,
) -> Option<String> {
    let length = duration(context, entry, &[key], text, minutes::parse)?;
    let most = HOURS * 60;
    if !(least * 60..=most).contains(&length) || length % 60 != 0 {
        let diagnostic = entry
            .error("VSS0404", format!("`{key}` is {}, which AWS does not take", minutes::format(length)))
            .label(format!("whole hours from `{least}h` to `{}`", minutes::format(most)));
        context.report(&entry.place(&[key]), diagnostic);
    }
    Some(minutes::format(length))
}
