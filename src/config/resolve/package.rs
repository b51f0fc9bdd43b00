//! Packages: what State Manager and Run Command take for `AWS-ConfigureAWSPackage`.

use crate::model::KindId;
use std::cmp::Ordering;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use regex::Regex;

use crate::config::context::{Context, Entry};
use crate::config::names::ASSOCIATION_NAME;
use crate::config::problems::safe;
use crate::config::tree::Node;
use crate::kind::Desired;
use crate::kind::values::{Canary, TextOrNumber};
use crate::kinds::package::spec::{InstallationType, PackageAction, PackageSpec, ResolvedPackage};
use crate::model::schedule::{Dialect, Schedule};
use crate::vss::package::is_package;
use crate::vss::rivals::{REMEDY, between};
use crate::vss::version::{
    IN_PLACE, MANAGED_POLICY, NEWEST, SERVER_2008_R2, SERVER_2012, compare, is_withdrawn, next_offered, offered,
};

use super::across::{Facts, PackageFacts};
use super::values::{schedule_error, warn_of_end};

macro_rules! pattern {
    ($name:ident, $pattern:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($pattern).expect("the pattern is fixed"));
    };
}

pattern!(
    PACKAGE_NAME,
    r"^([a-zA-Z][a-zA-Z0-9_-]{0,39}|arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:package/[A-Za-z0-9._/-]+)$"
);
pattern!(VERSION, r"^[A-Za-z0-9.]+$");
pattern!(INSTANCE_ID, r"^(i-([0-9a-z]{8}|[0-9a-z]{17})|mi-[0-9a-z]{17})$");
pattern!(CONCURRENCY, r"^([1-9][0-9]{0,6}|[1-9][0-9]?%|100%)$");
pattern!(ERRORS, r"^([1-9][0-9]{0,6}|0|[1-9][0-9]?%|0%|100%)$");

/// Resolves `[package.*]`.
pub(crate) fn packages(file: &Node, context: &mut Context<'_>, facts: &mut Facts) -> Vec<Desired> {
    let mut all: Vec<Desired> = Vec::new();
    for entry in context.entries::<PackageSpec>(file.get("package"), KindId::Package, None) {
        let desired = package(&entry, context, facts);
        rival(&entry, &desired, &all, context);
        all.push(desired);
    }
    context.check_unique(KindId::Package, ASSOCIATION_NAME);
    all
}

fn package(entry: &Entry<'_, PackageSpec>, context: &mut Context<'_>, facts: &mut Facts) -> Desired {
    context.check_name(entry, ASSOCIATION_NAME);
    let package_name = entry.spec.package_name.clone().unwrap_or_else(|| context.old_key(&entry.address).to_owned());
    if !PACKAGE_NAME.is_match(&package_name) {
        let message = format!("`{}` is no package name", safe(&package_name));
        let diagnostic =
            entry.error("VSS0601", message).label("a letter, then up to 39 of A-Z a-z 0-9 _ -, or a package's ARN");
        context.report(&entry.place(&["package_name"]), diagnostic);
    }
    versions(entry, &package_name, context);
    targets(entry, context);
    canary(entry, context);
    arguments(entry, context);
    for (key, value, pattern, least) in [
        ("max_concurrency", &entry.spec.max_concurrency, &CONCURRENCY, "1"),
        ("max_errors", &entry.spec.max_errors, &ERRORS, "0"),
    ] {
        let Some(text) = value.as_ref().map(TextOrNumber::text) else { continue };
        if !pattern.is_match(&text) {
            let diagnostic = entry
                .error("VSS0606", format!("`{key}` cannot be `{}`", safe(&text)))
                .label(format!("a number from {least}, or a percentage from {least}% to 100%"));
            context.report(&entry.place(&[key]), diagnostic);
        }
    }
    let schedule = schedule(entry, context);
    let mut references = Vec::new();
    let assume_role = entry.spec.association_dispatch_assume_role.as_deref().and_then(|text| {
        if text.is_empty() {
            return Some(String::new());
        }
        let (arn, address) = context.role(entry, &["association_dispatch_assume_role"], text)?;
        references.extend(address);
        Some(arn)
    });
    let tags = context.merged_tags(entry, false);
    facts.packages.push(PackageFacts {
        address: entry.address.clone(),
        vss: is_package(&package_name) && entry.spec.action.unwrap_or_default() == PackageAction::Install,
        version: entry.spec.version.clone().filter(|version| !version.is_empty()),
        minimum_version: entry.spec.minimum_version.clone(),
        place: entry.place(&[if entry.spec.version.is_some() { "version" } else { "minimum_version" }]),
    });
    let resolved = ResolvedPackage {
        spec: entry.spec.clone(),
        package_name,
        schedule,
        association_dispatch_assume_role: assume_role,
        tags,
    };
    let mut desired = context.desired(entry, resolved.normal_form());
    desired.options = resolved.options();
    desired.references = references;
    desired
}

/// Reports the first of the packages before this one that undoes what it does, where their targets alone tell.
fn rival(entry: &Entry<'_, PackageSpec>, desired: &Desired, before: &[Desired], context: &mut Context<'_>) {
    let mut rivalries = before.iter().filter_map(|other| Some((other, between(&desired.fields, &other.fields, &[])?)));
    let Some((other, rivalry)) = rivalries.next() else { return };
    let message = format!(
        "`{}` {} on {}, and `{}` {} there",
        entry.address,
        rivalry.first,
        safe(&rivalry.instances),
        other.address,
        rivalry.second
    );
    let diagnostic = entry.error("VSS0620", message).label("two packages for the same instances").help(REMEDY);
    context.report(&entry.place(&["targets"]), diagnostic);
}

fn versions(entry: &Entry<'_, PackageSpec>, package_name: &str, context: &mut Context<'_>) {
    let spec = &entry.spec;
    for (key, version) in [("version", &spec.version), ("minimum_version", &spec.minimum_version)] {
        // An empty version removes a pin.
        let is_wrong = |version: &&str| !(VERSION.is_match(version) || (key == "version" && version.is_empty()));
        let Some(version) = version.as_deref().filter(is_wrong) else { continue };
        let message = format!("`{}` is no package version", safe(version));
        let diagnostic = entry.error("VSS0602", message).label("letters, digits and dots, such as `2.5.1`");
        context.report(&entry.place(&[key]), diagnostic);
    }
    if let (Some(version), Some(minimum)) =
        (spec.version.as_ref().filter(|version| !version.is_empty()), &spec.minimum_version)
    {
        let diagnostic = if compare(version, minimum) == Ordering::Less {
            entry.error("VSS0612", format!("version `{}` is older than the minimum `{}`", safe(version), safe(minimum)))
        } else {
            entry.error("VSS0612", "`version` pins the package, so `minimum_version` says nothing".to_owned())
        };
        let diagnostic = diagnostic.label("not together with `version`").help("keep one of the two");
        context.report(&entry.place(&["minimum_version"]), diagnostic);
    }
    if !is_package(package_name) {
        return;
    }
    if let Some(version) = spec.version.as_deref().filter(|version| is_withdrawn(version))
        && spec.action.unwrap_or_default() == PackageAction::Install
    {
        let diagnostic = entry
            .error("VSS0615", format!("AwsVssComponents {} can no longer be downloaded", safe(version)))
            .label("the installation would fail on every server")
            .help(format!(
                "take {MANAGED_POLICY} or later, or `minimum_version` for the newest; {SERVER_2012} is for Windows \
                 Server 2012 and 2012 R2, {SERVER_2008_R2} for 2008 R2"
            ));
        context.report(&entry.place(&["version"]), diagnostic);
    }
    pin(entry, context);
    let least = spec.version.as_ref().or(spec.minimum_version.as_ref());
    if let Some(newer) = least.filter(|version| is_of_numbers(version) && compare(version, NEWEST).is_gt()) {
        let key = if spec.version.is_some() { "version" } else { "minimum_version" };
        let diagnostic = entry
            .warning(
                "VSS0618",
                format!("AwsVssComponents {} is newer than any version that is known here", safe(newer)),
            )
            .label(format!("the newest known one is {NEWEST}"))
            .help("lower it, unless AWS has published that version meanwhile: no server would reach it");
        context.report(&entry.place(&[key]), diagnostic);
    }
    if spec.installation_type == Some(InstallationType::InPlaceUpdate)
        && least.is_some_and(|version| compare(version, IN_PLACE) == Ordering::Less)
        && spec.version.is_some()
    {
        let diagnostic = entry
            .error("VSS0603", "AwsVssComponents before 2.5.0 has no in-place update".to_owned())
            .label("the update script is missing")
            .help("take `Uninstall and reinstall`, or version 2.5.0 or later");
        context.report(&entry.place(&["installation_type"]), diagnostic);
    }
}

/// Looks at a pin that no version of AwsVssComponents is written like.
fn pin(entry: &Entry<'_, PackageSpec>, context: &mut Context<'_>) {
    let installs = entry.spec.action.unwrap_or_default() == PackageAction::Install;
    let pinned = entry.spec.version.as_deref().filter(|version| installs && VERSION.is_match(version));
    let Some(version) = pinned.filter(|version| !is_withdrawn(version)) else { return };
    let numbers = version.trim_start_matches(['v', 'V']);
    let found = match (offered(numbers), is_of_numbers(version)) {
        // A missing number is 0. Whether AWS finds a version with two numbers is not written down.
        (Some(meant), true) if meant == version || version.split('.').count() > 2 => return,
        (Some(meant), true) => entry
            .warning("VSS0619", format!("AWS writes the version {} of AwsVssComponents `{meant}`", safe(version)))
            .label(format!("write `{meant}`")),
        (Some(meant), false) => entry
            .error("VSS0619", format!("AwsVssComponents has no version `{}`", safe(version)))
            .label(format!("did you mean `{meant}`?")),
        (None, true) => {
            let Some(next) = next_offered(version) else { return };
            entry
                .error("VSS0619", format!("AwsVssComponents {} never existed", safe(version)))
                .label(format!("the next version is {next}"))
                .help("the installation would fail on every server")
        }
        (None, false) => entry
            .warning("VSS0619", format!("`{}` is no version like those of AwsVssComponents", safe(version)))
            .label(format!("such as `{NEWEST}`"))
            .help("the newest version is installed where `version` is left away"),
    };
    context.report(&entry.place(&["version"]), found);
}

fn targets(entry: &Entry<'_, PackageSpec>, context: &mut Context<'_>) {
    let targets = entry.spec.targets.by_key();
    let place = entry.place(&["targets"]);
    let mut report = |path: &[&str], message: String, label: &str| {
        let at = if path.is_empty() { place.clone() } else { entry.place(path) };
        let diagnostic = entry.error("VSS0605", message).label(label);
        context.problems.add(&at, diagnostic);
    };
    if targets.is_empty() {
        report(&[], format!("`{}` targets nothing", entry.address), "add `tags`, `instance_ids` or `resource_groups`");
    }
    if targets.len() > 5 {
        report(&[], format!("{} targets, and 5 is the most", targets.len()), "each tag key is one target");
    }
    for (key, values) in &targets {
        let path: Vec<&str> = match key.strip_prefix("tag:") {
            Some(tag) => vec!["targets", "tags", tag],
            None if key == "InstanceIds" => vec!["targets", "instance_ids"],
            None => vec!["targets", "resource_groups"],
        };
        if key.chars().count() > 163 || key == "tag:" {
            report(&path, format!("`{}` is no target", safe(key)), "a tag key has 1 to 128 characters");
        }
        if values.is_empty() {
            report(&path, format!("the target `{}` has no values", safe(key)), "empty");
        }
        if values.len() > 50 {
            report(&path, format!("{} values of one target, and 50 is the most", values.len()), "too many");
        }
    }
    for (index, id) in entry.spec.targets.instance_ids.iter().flatten().enumerate() {
        if id != "*" && !INSTANCE_ID.is_match(id) {
            let message = format!("`{}` is no instance id", safe(id));
            let path = ["targets", "instance_ids", &index.to_string()];
            let diagnostic =
                entry.error("VSS0611", message).label("such as `i-0123456789abcdef0` or `mi-0123456789abcdef0`");
            context.report(&entry.place(&path), diagnostic);
        }
    }
    if entry.spec.targets.instance_ids.iter().flatten().any(|id| id == "*") {
        let diagnostic = entry
            .warning("VSS0610", "the package goes to every managed instance, Linux too".to_owned())
            .label("`*` is all of them")
            .help("target a tag that only Windows servers carry: one Linux instance makes the association `Failed`");
        context.report(&entry.place(&["targets", "instance_ids"]), diagnostic);
    }
}

/// Tells whether a version is one of numbers and dots, as AWS's are; of others there is a word already.
fn is_of_numbers(version: &str) -> bool {
    version.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Checks that there is a canary, and that it is one of the instances that the package is for.
fn canary(entry: &Entry<'_, PackageSpec>, context: &mut Context<'_>) {
    let Some(canary) = &entry.spec.canary else { return };
    let mut report = |path: &[&str], message: String, label: &str| {
        let diagnostic = entry.error("VSS0614", message).label(label);
        context.report(&entry.place(path), diagnostic);
    };
    if entry.spec.action.unwrap_or_default() != PackageAction::Install {
        report(&["canary"], "a canary tries an installation, and nothing is installed".to_owned(), "no `Install`");
    }
    let ids = match canary {
        Canary::Count(1..=50) => return,
        Canary::Count(count) => {
            return report(&["canary"], format!("{count} canaries"), "from 1 to 50");
        }
        Canary::Instances(ids) => ids,
    };
    if ids.is_empty() || ids.len() > 50 {
        report(&["canary"], format!("{} canaries", ids.len()), "from 1 to 50 instance ids");
    }
    let targets = entry.spec.targets.instance_ids.as_deref().unwrap_or_default();
    let any = targets.is_empty() || targets.iter().any(|id| id == "*");
    for (index, id) in ids.iter().enumerate() {
        let path = ["canary", &index.to_string()];
        if !INSTANCE_ID.is_match(id) {
            report(&path, format!("`{}` is no instance id", safe(id)), "such as `i-0123456789abcdef0`");
        } else if !any && !targets.contains(id) {
            report(&path, format!("the canary `{}` is none of the targets", safe(id)), "not in `instance_ids`");
        }
    }
}

fn arguments(entry: &Entry<'_, PackageSpec>, context: &mut Context<'_>) {
    for name in entry.spec.additional_arguments.iter().flatten().map(|(name, _)| name) {
        if !name.starts_with("SSM_") {
            let message = format!("the package argument `{}` does not start with `SSM_`", safe(name));
            let diagnostic = entry.error("VSS0613", message).label("not an argument that SSM passes on");
            context.report(&entry.key_place(&["additional_arguments", name]), diagnostic);
        }
    }
}

fn schedule(entry: &Entry<'_, PackageSpec>, context: &mut Context<'_>) -> Option<String> {
    let spec = &entry.spec;
    let only_with_schedule = [
        ("apply_only_at_cron_interval", spec.apply_only_at_cron_interval.is_some()),
        ("schedule_offset", spec.schedule_offset.is_some()),
        ("duration", spec.duration.is_some()),
        ("compliance_severity", spec.compliance_severity.is_some()),
        ("sync_compliance", spec.sync_compliance.is_some()),
        ("output_s3_bucket", spec.output_s3_bucket.is_some()),
        ("output_s3_key_prefix", spec.output_s3_key_prefix.is_some()),
        ("output_s3_region", spec.output_s3_region.is_some()),
        ("association_dispatch_assume_role", spec.association_dispatch_assume_role.is_some()),
        ("calendar_names", spec.calendar_names.is_some()),
        ("name", spec.name.is_some()),
        ("tags", spec.tags.is_some()),
    ];
    let Some(text) = spec.schedule.as_deref() else {
        if entry.gives("schedule") {
            return None;
        }
        for (key, given) in only_with_schedule {
            // A default of the kind says nothing about this entry in particular.
            if given {
                let diagnostic = entry
                    .error(
                        "VSS0609",
                        format!("`{key}` belongs to an association, and `{}` is one Run Command", entry.address),
                    )
                    .label("has no effect without a schedule")
                    .help("add `schedule = \"rate(1 day)\"`, or remove the key");
                context.report(&entry.place(&[key]), diagnostic);
            }
        }
        return None;
    };
    let place = entry.place(&["schedule"]);
    let schedule = match Schedule::parse(text, Dialect::StateManager) {
        Ok(schedule) => schedule,
        Err(failed) => {
            let at = context.within(&place, &failed.text, &failed.range);
            context.report(&at, schedule_error(entry, &failed));
            return None;
        }
    };
    warn_of_end(context, entry, text, &schedule, &TimeZone::UTC);
    let only_at = spec.apply_only_at_cron_interval == Some(true);
    if only_at && matches!(schedule, Schedule::Rate(_)) {
        let diagnostic = entry
            .error("VSS0607", "`apply_only_at_cron_interval` does not go with `rate(...)`".to_owned())
            .label("only with `cron(...)`");
        context.report(&entry.place(&["apply_only_at_cron_interval"]), diagnostic);
    }
    for (key, value, most, unit) in
        [("schedule_offset", spec.schedule_offset, 6, "days"), ("duration", spec.duration, 24, "hours")]
    {
        let Some(value) = value else { continue };
        if !(1..=most).contains(&value) {
            let diagnostic = entry
                .error("VSS0608", format!("`{key}` is {value}, out of range"))
                .label(format!("from 1 to {most} {unit}"));
            context.report(&entry.place(&[key]), diagnostic);
        } else if !only_at || !matches!(schedule, Schedule::Cron(_)) {
            let diagnostic = entry
                .error("VSS0608", format!("`{key}` needs `cron(...)` and `apply_only_at_cron_interval = true`"))
                .label("has no effect");
            context.report(&entry.place(&[key]), diagnostic);
        }
    }
    Some(schedule.to_string())
}
