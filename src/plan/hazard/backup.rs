//! The hazards of packages, vaults, plans, selections and region settings.

use super::iam::recovery_points;
use crate::model::KindId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::notes::Notes;
use super::subject::{Subject, texts};
use super::{Hazard, powers, systems, whom};
use crate::kind::Live;
use crate::kind::diff;
use crate::kinds::plan::DEFAULT_SCHEDULE;
use crate::model::Action;
use crate::model::duration::days;
use crate::model::schedule::{Dialect, Schedule, zone};
use crate::plan::About;
use crate::vss::gate::POLICY;
use crate::vss::package::{Installed, is_package};
use crate::vss::targets;
use crate::vss::version::MANAGED_POLICY;

fn installs(action: &Value) -> bool {
    action == "Install"
}

pub(super) fn package(subject: &Subject<'_>, notes: &mut Notes) {
    unscheduled(subject, notes);
    systems::package(subject, notes);
    if subject.is(Action::Create) {
        let name = subject.after("package_name").as_str().unwrap_or_default();
        if is_package(name) && subject.after("action") == "Uninstall" {
            let whom = targets::words(subject.after("targets"));
            notes.add(Hazard::VssUnavailable, format!("`{name}` is removed from the instances of {whom}"), INSTALLED);
        }
        if let Some(pin) = subject.after("version").as_str().filter(|pin| !pin.is_empty())
            && installs(subject.after("action"))
        {
            pinned(subject, name, pin, notes);
        }
    }
    let Some(live) = subject.draft.live else { return };
    let name = subject.before("package_name").as_str().unwrap_or(&live.name);
    if subject.is(Action::Delete) {
        // A command has installed the package already; forgetting the command removes nothing.
        if installs(subject.before("action")) && !live.ids.contains_key("CommandId") {
            let what = format!("nothing installs `{name}` on new instances any more");
            notes.add(Hazard::VssUnavailable, what, INSTALLED);
        }
        return;
    }
    if !subject.is_changed() {
        return;
    }
    if installs(subject.before("action")) && !installs(subject.after("action")) {
        let whom = targets::words(subject.after("targets"));
        notes.add(Hazard::VssUnavailable, format!("`{name}` is removed from the instances of {whom}"), INSTALLED);
    }
    let version = |value: &'_ Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match (version(subject.before("version")), version(subject.after("version"))) {
        (Some(before), Some(after))
            if numbers(&after) < numbers(&before) && !systems::is_held_rightly(subject, &after) =>
        {
            let whom = targets::words(subject.after("targets"));
            let what = format!("`{name}` goes back from {before} to {after} on the instances of {whom}");
            notes.add(Hazard::VssUnavailable, what, format!("until the entry asks for {before} again"));
        }
        (None, Some(after)) if installs(subject.after("action")) => pinned(subject, name, &after, notes),
        _ => {}
    }
    if subject.changes("targets") {
        let after = subject.after("targets");
        for (key, values) in subject.before("targets").as_object().into_iter().flatten() {
            let kept = texts(&after[key.as_str()]);
            for value in texts(values).into_iter().filter(|value| !kept.contains(value)) {
                notes.add(
                    Hazard::VssUnavailable,
                    format!("`{name}` no longer reaches the instances of `{key}` = `{value}`"),
                    "until the targets name them again",
                );
            }
        }
    }
}

/// Notes what a first pinned version takes away: without a pin, instances got the newest version at some time.
fn pinned(subject: &Subject<'_>, name: &str, pin: &str, notes: &mut Notes) {
    // Where it is the only version that works, it takes nothing away.
    for machine in subject.input.installed.machines().iter().filter(|one| one.only().is_none() || !one.takes(Some(pin)))
    {
        let known = machine.package.as_ref().filter(|_| is_package(name)).map(|package| &package.installed);
        if let Some(Installed::Version(version) | Installed::AtLeast(version)) = known
            && numbers(pin) < numbers(version.as_str())
            && machine.is_meant(subject.after("targets"))
        {
            let title = machine.title();
            let what = format!("`{name}` goes back from {version} to {pin} on {title}");
            notes.add(Hazard::VssUnavailable, what, format!("until the entry asks for {version} or later"));
        }
    }
    let has_policy = |role: &&Live| {
        let attached = role.fields.get("managed_policies").map(texts).unwrap_or_default();
        attached.iter().any(|arn| arn.ends_with(&format!(":policy/{POLICY}")))
    };
    if is_package(name)
        && numbers(pin) < numbers(MANAGED_POLICY)
        && !systems::is_held_rightly(subject, pin)
        && let Some(role) = subject.live(KindId::Role).find(has_policy)
    {
        let goes = if subject.is(Action::Create) { "is held at" } else { "goes from the newest version to" };
        notes.add(
            Hazard::VssUnavailable,
            format!("`{name}` {goes} {pin}, and `{POLICY}` of the role `{}` works from {MANAGED_POLICY} on", role.name),
            format!("until the entry asks for {MANAGED_POLICY} or later"),
        );
    }
}

/// Notes an entry that loses its schedule: it sends one command, and the association that installs on new instances is
/// deleted.
fn unscheduled(subject: &Subject<'_>, notes: &mut Notes) {
    let is_command = subject.draft.desired.is_some_and(|desired| desired.options.contains_key("run_command"));
    let Some(live) = subject.draft.live.filter(|_| is_command && subject.draft.second_of.is_some()) else { return };
    if subject.before("action") == "Install" && !live.ids.contains_key("CommandId") && subject.is_changed() {
        let name = subject.before("package_name").as_str().unwrap_or(&live.name);
        let what = format!("nothing installs `{name}` on new instances any more");
        notes.add(Hazard::VssUnavailable, what, INSTALLED);
    }
}

/// Versions compare by dotted numbers, missing ones being 0.
fn numbers(version: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = version.split('.').map(|part| part.parse().unwrap_or_default()).collect();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers
}

pub(super) fn vault(subject: &Subject<'_>, notes: &mut Notes) {
    lock(subject, notes);
    if let Some(live) = subject.draft.live.filter(|_| subject.is(Action::Replace)) {
        missing(subject, live, notes);
    }
    if subject.draft.live.is_none() || !subject.is_changed() || !subject.changes("access_policy") {
        return;
    }
    // A vault without a policy and without anything in it is as good as new: an interrupted apply leaves such ones.
    let is_empty = subject.draft.live.and_then(recovery_points) == Some(0);
    if is_empty && diff::is_empty(subject.before("access_policy")) {
        return;
    }
    for found in subject.widened(About::VaultPolicy) {
        let words = &found.turn.words;
        let deletes = match &found.grant {
            Some(grant) => DELETES.iter().any(|action| grant.is_about(action)),
            None => DELETES.iter().any(|action| words.contains(action)) || words.contains("backup:*"),
        };
        let hazard = if deletes { Hazard::RecoveryPointsDeleted } else { Hazard::PrivilegeWidened };
        notes.add(hazard, words, "until the policy says so again");
    }
}

/// The actions that delete recovery points, or let them expire.
const DELETES: [&str; 2] = ["backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle"];

/// Notes the rules that name a vault which is deleted before it is made again: a rule that runs meanwhile has no vault
/// for its backup.
fn missing(subject: &Subject<'_>, live: &Live, notes: &mut Notes) {
    let is_it = |named: &str| named == live.name || live.ids.get("Arn").is_some_and(|arn| arn == named);
    for plan in subject.live(KindId::Plan) {
        for (name, rule) in plan.fields.get("rule").and_then(Value::as_object).into_iter().flatten() {
            let copies = rule["copy_actions"].as_object().is_some_and(|copies| copies.keys().any(|to| is_it(to)));
            if copies || rule["vault"].as_str().is_some_and(is_it) {
                let plan = &plan.name;
                notes.add(
                    Hazard::ProtectionGap,
                    format!(
                        "the rule `{name}` of the plan `{plan}` has no vault while this one is deleted and made again"
                    ),
                    "until this run has made it",
                );
            }
        }
    }
}

fn lock(subject: &Subject<'_>, notes: &mut Notes) {
    let is_made = subject.is(Action::Create);
    if !is_made && !subject.is_changed() {
        return;
    }
    let (before, after) = (subject.before("lock"), subject.after("lock"));
    if after["mode"] == "compliance" && (is_made || subject.is(Action::Replace) || subject.changes("lock")) {
        let grace = subject.draft.desired.and_then(|desired| desired.options.get("changeable_for"));
        let grace = grace.and_then(Value::as_str);
        let after = grace.map(|grace| format!(" after {grace}")).unwrap_or_default();
        // How the lock comes off in time: the entry without it, applied.
        let end = grace.map_or_else(
            || "until the end of its recovery points, for it holds from this run on".to_owned(),
            |grace| format!("until {grace} after this run: a file without it still takes it off till then"),
        );
        notes.add(
            Hazard::IrreversibleLock,
            format!("nobody can take the compliance lock off{after}, nor delete what it keeps{}", held(subject)),
            end,
        );
    }
    if is_made || !subject.changes("lock") || diff::is_empty(before) {
        return;
    }
    if diff::is_empty(after) {
        let what = "the Vault Lock that keeps recovery points from being deleted goes";
        notes.add(Hazard::RecoveryPointsDeleted, format!("{what}{}", held(subject)), "until a lock is set again");
        return;
    }
    let length = |lock: &Value, name: &str| lock[name].as_str().and_then(|text| days::parse(text).ok());
    let (least_before, least_after) = (length(before, "min_retention"), length(after, "min_retention"));
    if let Some(least) = least_before.filter(|least| least_after.is_some_and(|after| after < *least)) {
        let now = least_after.map(days::format).unwrap_or_default();
        notes.add(
            Hazard::RetentionShortened,
            format!("the Vault Lock takes backups that are kept for {now}, not {}", days::format(least)),
            format!("until its shortest time is {} again", days::format(least)),
        );
    }
    let (most_before, most_after) = (length(before, "max_retention"), length(after, "max_retention"));
    if let Some(most) = most_after.filter(|most| most_before.is_none_or(|before| *most < before)) {
        notes.add(
            Hazard::RetentionShortened,
            format!("the Vault Lock takes no backups that are kept for more than {}", days::format(most)),
            "until its longest time is longer again",
        );
    }
}

/// Says how many recovery points a vault holds, where AWS says it.
fn held(subject: &Subject<'_>) -> String {
    match subject.draft.live.and_then(recovery_points) {
        Some(count) => format!(" (it holds {count} recovery points now)"),
        None => String::new(),
    }
}

/// Until when nothing installs a package.
const INSTALLED: &str = "until an entry installs it again";

pub(super) fn plan(subject: &Subject<'_>, notes: &mut Notes) {
    let Some(live) = subject.draft.live.filter(|_| subject.is_changed()) else { return };
    let whom = || whom::of_plan(subject, live);
    if subject.before("windows_vss") == true && subject.after("windows_vss") == false {
        let what = "backups of Windows instances are only crash-consistent from then on";
        notes.add(Hazard::VssDisabled, format!("{what}: {}", whom()), "until `windows_vss` is true again");
    }
    let (before, after) = (subject.before("rule"), subject.after("rule"));
    let Some(rules) = before.as_object() else { return };
    let mut taken = Vec::new();
    for (name, old) in rules {
        if let Some(new) = after.get(name.as_str()) {
            if old[CONTINUOUS] == true && new[CONTINUOUS] == false {
                let what = format!("the rule `{name}` makes no more continuous backups of {}", whom());
                notes.add(Hazard::ProtectionGap, what, "until `enable_continuous_backup` is true again");
            }
            if let Some(why) = rarer(old, new) {
                let what = format!("the rule `{name}` makes backups less often: {why} ({})", whom());
                notes.add(Hazard::ProtectionGap, what, "until the schedule is as often again");
            }
            retention(&format!("the rule `{name}`"), old, new, notes);
            continue;
        }
        // A rule that only got another name still runs. What a new rule does not say is AWS's default, and it takes the
        // place of one rule.
        let same = |new: &Value| {
            let keeps = |field: &str| new[field] == old[field];
            let daily = || rarer(old, &json!({ "schedule": DEFAULT_SCHEDULE, "timezone": new["timezone"] })).is_none();
            let runs = keeps("schedule") || diff::is_empty(&new["schedule"]) && daily();
            let is_continuous = old[CONTINUOUS] != true || new[CONTINUOUS] == true;
            (keeps("vault") || diff::is_empty(&new["vault"])) && runs && is_continuous
        };
        let mut others = after.as_object().into_iter().flatten();
        let renamed = others.find(|(name, new)| !rules.contains_key(*name) && !taken.contains(name) && same(new));
        if let Some((name, new)) = renamed {
            taken.push(name);
            retention(&format!("the rule `{name}`"), old, new, notes);
        } else {
            let what = format!("the rule `{name}` makes no more backups of {}", whom());
            notes.add(Hazard::ProtectionGap, what, until_next(after));
        }
    }
}

/// Says when the rules that are left make the next backups.
fn until_next(rules: &Value) -> String {
    let text = |rule: &Value, field: &str| rule[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let next = rules.as_object().into_iter().flatten().map(|(name, rule)| {
        let schedule = text(rule, "schedule").unwrap_or_else(|| DEFAULT_SCHEDULE.to_owned());
        let zone = text(rule, "timezone").map(|zone| format!(" {zone}")).unwrap_or_default();
        format!("the rule `{name}` runs (`{schedule}`{zone})")
    });
    let next: Vec<String> = next.take(2).collect();
    if next.is_empty() { "until a rule makes some again".to_owned() } else { format!("until {}", next.join(" or ")) }
}

/// Point-in-time backups.
const CONTINUOUS: &str = "enable_continuous_backup";

/// For how many days runs are counted, how many runs are looked at, and how many of one that runs oftener than daily.
const DAYS: i64 = 400;
const RUNS: usize = 450;
const RUNS_OF_OFTEN: usize = 10_000;

/// Says how a rule would run less often than it does: fewer runs in a year, or a longer wait for the next one. Another
/// hour of the day is no difference, and neither is what daylight saving makes of it.
fn rarer(old: &Value, new: &Value) -> Option<String> {
    let text = |rule: &Value, field: &str| rule[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let (before, after) = (text(old, "schedule")?, text(new, "schedule")?);
    let clock = |rule: &Value| text(rule, "timezone");
    let (zone_before, zone_after) = (clock(old), clock(new).or_else(|| clock(old)));
    if before == after && zone_before == zone_after {
        return None;
    }
    let measure = |schedule: &str, name: Option<String>| {
        let zone = zone(name.as_deref().unwrap_or("Etc/UTC")).ok()?;
        let schedule = Schedule::parse(schedule, Dialect::Backup).ok()?;
        let from = Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_hours(24 * 365 * 60)).ok()?;
        let end = from.checked_add(SignedDuration::from_hours(24 * DAYS)).ok()?;
        let runs = |count| -> Vec<Timestamp> {
            schedule.next_runs(from, &zone, count).into_iter().map(|run| run.timestamp()).collect()
        };
        let few = runs(RUNS);
        let runs = if few.last().is_some_and(|last| *last < end) { runs(RUNS_OF_OFTEN) } else { few };
        let longest = runs.windows(2).map(|pair| pair[1].duration_since(pair[0])).max();
        Some((runs.iter().filter(|run| **run < end).count(), longest.unwrap_or(SignedDuration::MAX)))
    };
    let (often, wait) = measure(&before, zone_before)?;
    let (often_after, wait_after) = measure(&after, zone_after)?;
    let shift = SignedDuration::from_hours(1);
    // One run more or less in the window is where it begins.
    let is_rarer = often_after + 1 < often || wait_after > wait.saturating_add(shift);
    is_rarer.then(|| format!("`{after}`, not `{before}`"))
}

fn retention(what: &str, old: &Value, new: &Value, notes: &mut Notes) {
    // What the file does not say stays as it is.
    let Some(wanted) = new.get("delete_after") else { return copies(what, old, new, notes) };
    let length = |value: &Value| value.as_str().and_then(|text| days::parse(text).ok()).unwrap_or(u32::MAX);
    let (before, after) = (length(&old["delete_after"]), length(wanted));
    if after < before {
        let now = days::format(after);
        let was = if before == u32::MAX { "for ever".to_owned() } else { format!("for {}", days::format(before)) };
        let earlier =
            if before == u32::MAX { String::new() } else { format!(", {} earlier", days::format(before - after)) };
        // AWS Backup, "Update a backup plan": what a plan made before the change keeps its own lifecycle.
        notes.add(
            Hazard::RetentionShortened,
            format!(
                "{what} keeps backups for {now}, not {was}: those that it makes from its next run on expire after \
                 {now}{earlier}, the ones that are there keep their time"
            ),
            format!("until it keeps them {was} again"),
        );
    }
    copies(what, old, new, notes);
}

fn copies(what: &str, old: &Value, new: &Value, notes: &mut Notes) {
    let Some(wanted) = new.get("copy_actions") else { return };
    for (vault, copy) in old["copy_actions"].as_object().into_iter().flatten() {
        let name = vault.rsplit(':').next().unwrap_or(vault);
        if let Some(wanted) = wanted.get(vault.as_str()) {
            retention(&format!("{what}, copying to `{name}`,"), copy, wanted, notes);
        } else {
            let end = "until the copy is asked for again; copies that are there stay till they expire";
            notes.add(Hazard::ProtectionGap, format!("{what} makes no more copies to `{name}`"), end);
        }
    }
}

pub(super) fn selection(subject: &Subject<'_>, notes: &mut Notes) {
    if subject.is(Action::Delete) {
        let whom = subject.draft.live.map(|live| whom::selected(subject, &live.fields)).unwrap_or_default();
        let what = format!("what only this selection selects is backed up no more: {whom}");
        notes.add(Hazard::ProtectionGap, what, "until another selection selects it and runs");
        return;
    }
    if !subject.is(Action::Create) && !subject.is_changed() {
        return;
    }
    if let Some(breadth) = breadth(&|field| subject.after(field)) {
        let was_broad = subject.draft.live.is_some() && self::breadth(&|field| subject.before(field)).is_some();
        if !was_broad {
            notes.add(Hazard::BroadSelection, breadth, "until `match` narrows it");
        }
    }
    if subject.draft.live.is_none() {
        return;
    }
    if subject.changes("role")
        && let (Some(before), Some(after)) = (subject.before("role").as_str(), subject.after("role").as_str())
        && powers::can_back_up(subject, after, true) == Some(false)
        && powers::can_back_up(subject, before, false) != Some(false)
    {
        let name = after.rsplit('/').next().unwrap_or(after);
        let why = format!("the role `{name}` has none of AWS Backup's permissions: no backup of the selection works");
        notes.add(Hazard::ProtectionGap, why, "until the role has them");
    }
    let hit = lost(subject);
    for (field, narrows) in [
        ("arns", false),
        ("any", false),
        ("not_arns", true),
        ("all", true),
        ("like", true),
        ("not_equals", true),
        ("not_like", true),
    ] {
        let (before, after) = (texts(subject.before(field)), texts(subject.after(field)));
        // Fewer alternatives select less, and so do more conditions.
        let (more, less) = if narrows { (&after, &before) } else { (&before, &after) };
        for value in more.iter().filter(|value| !less.contains(value)) {
            let why = if narrows { "what does not fit it" } else { "what only it fits" };
            let verb = if narrows { "has the new condition" } else { "loses" };
            notes.add(
                Hazard::ProtectionGap,
                format!("the selection {verb} `{field}` `{value}`: {why} is backed up no more{hit}"),
                "until a selection selects it and runs",
            );
        }
    }
}

/// Names the instances that a changed selection selects no more.
fn lost(subject: &Subject<'_>) -> String {
    let (Some(live), Some(desired)) = (subject.draft.live, subject.draft.desired) else { return String::new() };
    whom::no_longer(subject, &live.fields, &desired.fields)
}

/// Says how a selection selects everything of a sort, if it does.
fn breadth<'a>(field: &impl Fn(&str) -> &'a Value) -> Option<String> {
    let says = |value: &str| value.split_once('=').is_some_and(|(_, value)| !value.chars().all(|it| it == '*'));
    // Conditions narrow the ARNs, not the alternatives of tags.
    let narrowed = !texts(field("all")).is_empty() || texts(field("like")).into_iter().any(says);
    let (arns, any) = (texts(field("arns")), texts(field("any")));
    if arns.is_empty() && any.is_empty() && !narrowed {
        return Some("the selection names nothing: it selects everything that AWS Backup supports".to_owned());
    }
    let everything = |arn: &&&str| {
        let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
        resource.rsplit(['/', ':']).next().is_some_and(|id| id == "*")
    };
    let broad = arns.iter().find(everything).filter(|_| !narrowed)?;
    Some(format!("`{broad}` selects all of them, whatever their tags"))
}

pub(super) fn region_settings(subject: &Subject<'_>, notes: &mut Notes) {
    if !subject.is_changed() {
        return;
    }
    let (before, after) = (subject.before("resource_type_opt_in"), subject.after("resource_type_opt_in"));
    for (kind, wanted) in after.as_object().into_iter().flatten() {
        if *wanted == false && before[kind.as_str()] == true {
            let why = format!("AWS Backup no longer backs up {kind} that selections find by tags");
            notes.add(Hazard::ProtectionGap, why, "until the region opts in again");
        }
    }
}
