//! Rules of backup plans: schedules, windows, lifecycles and copies.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::config::context::{Context, Entry, Target};
use crate::config::limits;
use crate::config::names::RULE_NAME;
use crate::config::problems::safe;
use crate::config::stack::unlisted;
use crate::kinds::plan::spec::{ResolvedLifecycle, ResolvedRule, RuleSpec};
use crate::model::arn::Arn;
use crate::model::duration::{days, minutes};
use crate::model::partition::is_listed;
use crate::model::schedule::{Dialect, Schedule, canonical_zone, zone};
use crate::model::source::Place;
use crate::model::{Address, Diagnostic, KindId};

use super::across::{Facts, RunsFacts};
use super::values::{at_most, duration, schedule_error, warn_of_end};

/// Resolves one rule. Its references and its runs are added to those of the plan.
pub(super) fn resolve_rule(
    rule: &Entry<'_, RuleSpec>,
    key: &str,
    windows_vss: bool,
    context: &mut Context<'_>,
    facts: &Facts,
    references: &mut Vec<Address>,
    runs: &mut Vec<RunsFacts>,
) -> ResolvedRule {
    let spec = &rule.spec;
    context.check_name_at(&rule.address, &rule.name, &rule.place(&["name"]), RULE_NAME);
    let vault = vault_name(rule, &["vault"], &spec.vault, context, references).unwrap_or_default();
    let start_window = window(rule, "start_window", spec.start_window.as_deref(), limits::START_WINDOW, context);
    let complete_window = window(rule, "complete_window", spec.complete_window.as_deref(), 1, context);
    check_windows(rule, start_window, complete_window, context);
    let (lifecycle, keeps) = lifecycle(
        rule,
        &[],
        [spec.delete_after.as_deref(), spec.move_to_cold_storage_after.as_deref()],
        spec.opt_in_to_archive_for_supported_resources,
        context,
    );
    for_windows(rule, windows_vss, context);
    continuous(rule, keeps, context);
    let for_ever = !rule.gives("delete_after") || spec.delete_after.as_deref() == Some("");
    check_against_lock(rule, &["delete_after"], &vault, (keeps, for_ever), false, context, facts);
    let (schedule, timezone) = timing(rule, spec.schedule.as_deref(), spec.timezone.as_deref(), context);
    let told = |key: &str, value: Option<&str>| value.is_some() || !rule.gives(key);
    // A window or a retention that has an error of its own does not lead to a second one.
    let sound = start_window.is_none_or(|length| (limits::START_WINDOW..=limits::WINDOW).contains(&length))
        && spec.start_window.is_some() == start_window.is_some()
        && spec.delete_after.as_ref().is_some_and(|text| !text.is_empty()) == keeps.is_some();
    let known = sound
        && told("start_window", spec.start_window.as_deref())
        && told("delete_after", spec.delete_after.as_deref());
    if known && told("schedule", schedule.as_deref()) && told("timezone", spec.timezone.as_deref()) {
        let text = schedule.clone().unwrap_or_else(|| "cron(0 5 ? * * *)".to_owned());
        if let (Ok(schedule), Some(timezone)) = (Schedule::parse(&text, Dialect::Backup), &timezone) {
            runs.push(RunsFacts {
                address: rule.address.clone(),
                rule: key.to_owned(),
                schedule,
                timezone: timezone.1.clone(),
                window: start_window.unwrap_or(limits::DEFAULT_START_WINDOW),
                keeps: spec.delete_after.as_ref().map(|_| keeps.unwrap_or_default()),
                place: rule.place(&["schedule"]),
            });
        }
    }
    check_recovery_point_tags(rule, context);
    let air_gapped = spec.target_logically_air_gapped_backup_vault_arn.as_deref().and_then(|text| {
        let keys = ["target_logically_air_gapped_backup_vault_arn"];
        context.own_arn(rule, &keys, text, |text| Arn::parse_as(text, "backup", "backup-vault"))
    });
    ResolvedRule {
        copy_actions: copies(rule, &vault, (keeps, for_ever), context, facts, references),
        vault,
        schedule,
        timezone: spec.timezone.as_ref().and(timezone).map(|(name, _)| name),
        start_window: start_window.map(minutes::format),
        complete_window: complete_window.map(minutes::format),
        lifecycle,
        enable_continuous_backup: spec.enable_continuous_backup,
        target_logically_air_gapped_backup_vault_arn: air_gapped,
        recovery_point_tags: spec.recovery_point_tags.clone(),
    }
}

/// Warns where a backup has to be complete before it may have started.
fn check_windows(
    rule: &Entry<'_, RuleSpec>,
    start_window: Option<u32>,
    complete_window: Option<u32>,
    context: &mut Context<'_>,
) {
    if let (Some(start), Some(complete)) = (start_window, complete_window)
        && complete <= start
    {
        let message = format!(
            "the backup may start until {} after its time but has to be complete after {}",
            minutes::format(start),
            minutes::format(complete)
        );
        let diagnostic = rule
            .warning("VSS0405", message)
            .label("not longer than the start window")
            .help("AWS may count both from the scheduled time: make `complete_window` longer");
        context.report(&rule.place(&["complete_window"]), diagnostic);
    }
}

fn check_recovery_point_tags(rule: &Entry<'_, RuleSpec>, context: &mut Context<'_>) {
    let Some(tags) = &rule.spec.recovery_point_tags else { return };
    if let Some(node) = rule.node.get("recovery_point_tags") {
        context.check_tags(node, tags, Some(&rule.address));
    }
    let most = limits::RECOVERY_POINT_TAGS;
    if let Some(found) = at_most("recovery point tags", tags.len(), most, |message| rule.error("VSS0414", message)) {
        context.report(&rule.place(&["recovery_point_tags"]), found);
    }
}

fn vault_name(
    rule: &Entry<'_, RuleSpec>,
    keys: &[&str],
    text: &str,
    context: &mut Context<'_>,
    references: &mut Vec<Address>,
) -> Option<String> {
    match context.reference(rule, keys, text, KindId::Vault, ("backup", "backup-vault"))? {
        Target::Entry(address, name) => {
            references.push(address);
            Some(name)
        }
        Target::Arn(arn) => {
            let place = rule.place(keys);
            context.check_arn(rule, &place, &arn, true).then(|| arn.name().to_owned())
        }
    }
}

fn window(
    rule: &Entry<'_, RuleSpec>,
    key: &'static str,
    text: Option<&str>,
    least: u32,
    context: &mut Context<'_>,
) -> Option<u32> {
    let length = duration(context, rule, &[key], text, minutes::parse)?;
    if !(least..=limits::WINDOW).contains(&length) {
        let diagnostic = rule.error("VSS0404", format!("`{key}` is {length} minutes, out of range")).label(format!(
            "from `{}` to `{}`",
            minutes::format(least),
            minutes::format(limits::WINDOW)
        ));
        context.report(&rule.place(&[key]), diagnostic);
    }
    Some(length)
}

/// Checks a lifecycle and returns it with the days that backups are kept.
fn lifecycle(
    rule: &Entry<'_, RuleSpec>,
    above: &[&str],
    [delete_after, move_after]: [Option<&str>; 2],
    opt_in: Option<bool>,
    context: &mut Context<'_>,
) -> (ResolvedLifecycle, Option<u32>) {
    let keys = |key: &'static str| [above, &[key]].concat();
    // An empty text means "never": it removes the live value.
    let [never_deleted, never_moved] = [delete_after, move_after].map(|text| text == Some(""));
    let [delete_after, move_after] = [delete_after, move_after].map(|text| text.filter(|text| !text.is_empty()));
    let keeps = duration(context, rule, &keys("delete_after"), delete_after, days::parse);
    let cold = duration(context, rule, &keys("move_to_cold_storage_after"), move_after, days::parse);
    for (key, value) in [("delete_after", keeps), ("move_to_cold_storage_after", cold)] {
        let Some(value) = value.filter(|value| !(1..=limits::RETENTION).contains(value)) else { continue };
        let diagnostic = rule
            .error("VSS0408", format!("`{key}` is {value} days, out of range"))
            .label(format!("from `1d` to `{}d`", limits::RETENTION));
        context.report(&rule.place(&keys(key)), diagnostic);
    }
    if let (Some(keeps), Some(cold)) = (keeps, cold)
        && keeps < cold.saturating_add(limits::COLD)
    {
        let least = cold.saturating_add(limits::COLD);
        let message = format!("backups move to cold storage after {cold} days and would be deleted after {keeps}");
        let diagnostic = rule
            .error("VSS0409", message)
            .label(format!("at least `{least}d`"))
            .help("a backup stays in cold storage for 90 days at least");
        context.report(&rule.place(&keys("delete_after")), diagnostic);
    }
    let lifecycle = ResolvedLifecycle {
        delete_after: keeps.map(days::format).or(never_deleted.then(String::new)),
        move_to_cold_storage_after: cold.map(days::format).or(never_moved.then(String::new)),
        opt_in_to_archive_for_supported_resources: opt_in,
    };
    (lifecycle, keeps)
}

fn for_windows(rule: &Entry<'_, RuleSpec>, windows_vss: bool, context: &mut Context<'_>) {
    if !windows_vss {
        return;
    }
    for (key, given, what) in [
        ("move_to_cold_storage_after", rule.spec.move_to_cold_storage_after.is_some(), "never move to cold storage"),
        ("enable_continuous_backup", rule.spec.enable_continuous_backup == Some(true), "cannot be continuous"),
    ] {
        if given {
            let diagnostic = rule
                .warning("VSS0415", format!("backups of EC2 instances {what}"))
                .label("has no effect on a plan with `windows_vss`");
            context.report(&rule.place(&[key]), diagnostic);
        }
    }
}

fn continuous(rule: &Entry<'_, RuleSpec>, keeps: Option<u32>, context: &mut Context<'_>) {
    if rule.spec.enable_continuous_backup == Some(true) && keeps.is_some_and(|keeps| keeps > limits::CONTINUOUS) {
        let diagnostic = rule
            .error("VSS0417", "a continuous backup is kept for 35 days at most".to_owned())
            .label(format!("at most `{}d`", limits::CONTINUOUS));
        context.report(&rule.place(&["delete_after"]), diagnostic);
    }
}

/// Checks how long backups, or their copies, are kept against the lock of their vault. `follows` tells that a copy has
/// no lifecycle of its own and is kept as long as the backups of its rule.
fn check_against_lock(
    rule: &Entry<'_, RuleSpec>,
    keys: &[&str],
    vault: &str,
    (keeps, for_ever): (Option<u32>, bool),
    follows: bool,
    context: &mut Context<'_>,
    facts: &Facts,
) {
    let Some(lock) = facts.locks.get(vault) else { return };
    let above = keys.split_last().map_or(keys, |(_, above)| above);
    let place = if above.is_empty() || rule.node.at(keys).is_some() { rule.place(keys) } else { rule.place(above) };
    let what = if follows { "copies are kept as the backups of the rule are," } else { "backups are kept" };
    let say = |days: u32, or: &str| {
        if follows {
            format!("add `delete_after = \"{days}d\"`, or {or}, to the copy")
        } else {
            format!("write `\"{days}d\"` or {or}")
        }
    };
    let problem: Option<(String, String)> = match (keeps, lock.least, lock.most) {
        (None, _, Some(most)) if for_ever => Some((
            format!("{what} for ever, and the lock of vault `{}` allows {most} days", safe(vault)),
            if follows { say(most, "less") } else { format!("add `delete_after = \"{most}d\"`, or less") },
        )),
        (Some(keeps), Some(least), _) if keeps < least => Some((
            format!("{what} for {keeps} days, and the lock of vault `{}` asks for {least}", safe(vault)),
            say(least, "more"),
        )),
        (Some(keeps), _, Some(most)) if keeps > most => Some((
            format!("{what} for {keeps} days, and the lock of vault `{}` allows {most}", safe(vault)),
            say(most, "less"),
        )),
        _ => None,
    };
    if let Some((message, help)) = problem {
        let label = if above.is_empty() { "every backup would fail" } else { "every copy would fail" };
        let diagnostic: Diagnostic = rule.error("VSS0410", message).label(label).help(help);
        context.report(&place, diagnostic);
    }
}

/// Checks schedule and time zone; returns the canonical schedule, and the zone with its canonical name.
pub(super) fn timing<T>(
    rule: &Entry<'_, T>,
    schedule: Option<&str>,
    timezone: Option<&str>,
    context: &mut Context<'_>,
) -> (Option<String>, Option<(String, TimeZone)>) {
    let schedule = schedule.and_then(|text| match Schedule::parse(text, Dialect::Backup) {
        Ok(schedule) => Some((text, schedule)),
        Err(failed) => {
            let place: Place = context.within(&rule.place(&["schedule"]), &failed.text, &failed.range);
            context.report(&place, schedule_error(rule, &failed));
            None
        }
    });
    let timezone = match timezone {
        None => Some((canonical_zone("UTC"), TimeZone::UTC)),
        Some(name) => match zone(name) {
            Ok(zone) => Some((canonical_zone(name), zone)),
            Err(failed) => {
                let diagnostic = rule
                    .error("VSS0403", format!("`{}` is no IANA time zone", safe(&failed.name)))
                    .label("unknown time zone");
                let diagnostic = match &failed.similar {
                    Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                    None => diagnostic.help("write it like `Asia/Tokyo` or `UTC`"),
                };
                context.report(&rule.place(&["timezone"]), diagnostic);
                None
            }
        },
    };
    if let (Some((text, schedule)), Some((_, zone))) = (&schedule, &timezone) {
        warn_of_end(context, rule, text, schedule, zone);
    }
    (schedule.map(|(_, schedule)| schedule.to_string()), timezone)
}

/// Resolves the copies. `kept` is how long the rule keeps its backups, and how long a copy without a lifecycle of its
/// own is kept.
fn copies(
    rule: &Entry<'_, RuleSpec>,
    source: &str,
    kept: (Option<u32>, bool),
    context: &mut Context<'_>,
    facts: &Facts,
    references: &mut Vec<Address>,
) -> Option<BTreeMap<String, ResolvedLifecycle>> {
    let declared = rule.spec.copy_actions.as_ref()?;
    if let Some(found) =
        at_most("copy actions", declared.len(), limits::COPIES, |message| rule.error("VSS0414", message))
    {
        context.report(&rule.place(&["copy_actions"]), found);
    }
    let mut copies = BTreeMap::new();
    for (index, copy) in declared.iter().enumerate() {
        let index = index.to_string();
        let above = ["copy_actions", index.as_str()];
        let vault_keys = ["copy_actions", index.as_str(), "vault"];
        let destination =
            match context.reference(rule, &vault_keys, &copy.vault, KindId::Vault, ("backup", "backup-vault")) {
                Some(Target::Entry(address, name)) => {
                    references.push(address);
                    Some(context.scope.arn("backup", &format!("backup-vault:{name}")))
                }
                // Copies may go to any region, and to any account of the organisation.
                Some(Target::Arn(arn)) => {
                    if arn.partition == context.scope.partition() {
                        if !is_listed(&arn.region) && arn.region != context.scope.region {
                            context.report(&rule.place(&vault_keys), unlisted(&arn.region));
                        }
                        Some(arn.to_string())
                    } else {
                        let place = rule.place(&vault_keys);
                        context.check_arn(rule, &place, &arn, false);
                        None
                    }
                }
                None => None,
            };
        let (lifecycle, keeps) = lifecycle(
            rule,
            &above,
            [copy.delete_after.as_deref(), copy.move_to_cold_storage_after.as_deref()],
            copy.opt_in_to_archive_for_supported_resources,
            context,
        );
        let Some(destination) = destination else { continue };
        let own = context.scope.arn("backup", "backup-vault:");
        if let Some(vault) = destination.strip_prefix(&own) {
            let keys = ["copy_actions", index.as_str(), "delete_after"];
            let follows = lifecycle.is_none();
            let for_ever = copy.delete_after.as_deref().is_none_or(str::is_empty);
            let kept = if follows { kept } else { (keeps, for_ever) };
            check_against_lock(rule, &keys, vault, kept, follows, context, facts);
        }
        let itself = context.scope.arn("backup", &format!("backup-vault:{source}"));
        let problem = if destination == itself {
            Some("the rule's own vault")
        } else if copies.contains_key(&destination) {
            Some("copied to twice")
        } else {
            None
        };
        if let Some(problem) = problem {
            let message = format!("the vault `{}` is {problem}", safe(&copy.vault));
            context.report(&rule.place(&vault_keys), rule.error("VSS0419", message).label(problem));
        }
        copies.insert(destination, lifecycle);
    }
    Some(copies)
}
