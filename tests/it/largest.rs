//! The largest file that is legal: planned, saved, shown and applied, then changed everywhere and planned again. Its
//! plans must fit into what a saved plan may have.

use std::fmt::Write as _;
use vssctl::model::KindId;

use vssctl::config::{Config, RESOLVED};
use vssctl::engine::{self, End, Order, Reviewed};
use vssctl::kind::KindLive;
use vssctl::model::{Action, json};
use vssctl::plan::Options;
use vssctl::plan::Plan;
use vssctl::plan::file::{LARGEST, LIFETIME, Occasion, SavedPlan};
use vssctl::render;

use crate::bench::{self, Bench, STACK};

/// Things of one stack, at most.
const THINGS: usize = 2000;
/// What the file is made of. A role brings its instance profile; a plan brings ten rules and two selections.
const POLICIES: usize = 220;
const ROLES: usize = 700;
const VAULTS: usize = 120;
const PACKAGES: usize = 79;
const PLANS: usize = 60;

/// A policy document of so many statements, each about something of its own.
fn document(word: &str, action: &str, principal: &str, statements: usize) -> String {
    let statement = |index: usize| {
        format!(
            r#"{{"Sid":"S{index}","Effect":"Allow",{principal}"Action":["{action}"],"Resource":["arn:aws:s3:::{word}-{index}/*"]}}"#
        )
    };
    let statements: Vec<String> = (0..statements).map(statement).collect();
    format!(r#"'{{"Version":"2012-10-17","Statement":[{}]}}'"#, statements.join(","))
}

/// The file. What is written once, in `defaults`, is in every entry: nothing else could make two thousand of them so
/// large within one file. `word` is in everything.
fn file(word: &str) -> String {
    let mut text = format!("{STACK}[tags]\nstage = \"{word}\"\nteam = \"windows-platform\"\n");
    let own = document(word, "s3:GetObject", "", 28);
    let vault = document(word, "backup:CopyIntoBackupVault", r#""Principal":{"AWS":"123456789012"},"#, 12);
    let vault = vault.replace(
        "\"Resource\":[\"arn:aws:s3:::",
        "\"Resource\":[\"*\"],\"Condition\":{\"StringEquals\":{\"aws:PrincipalTag/a\":[\"",
    );
    let vault = vault.replace("/*\"]}", "\"]}}}");
    let _ = writeln!(
        text,
        "[defaults.policy]\ndescription = \"{word}\"\ndocument = {own}\n\
         [defaults.role]\npreset = \"vss-instance\"\ndescription = \"{word}\"\ninstance_profile = true\n\
         [defaults.role.inline_policies]\nOwn = {own}\n\
         [defaults.vault]\naccess_policy = {vault}\n\
         [defaults.package]\npackage_name = \"AwsVssComponents\"\nminimum_version = \"2.3.1\"\nschedule = \"rate(1 day)\"\n\
         targets = {{ tags = {{ Word = [\"{word}\", \"a\", \"b\", \"c\"] }} }}\n\
         [defaults.plan]\nwindows_vss = true\n\
         [defaults.rule]\ntimezone = \"Asia/Tokyo\"\nstart_window = \"1h\"\n\
         complete_window = \"8h\"\ndelete_after = \"35d\"\nrecovery_point_tags = {{ word = \"{word}\", made-by = \"vssctl\" }}\n\
         [defaults.selection]\nrole = \"AWSBackup\"\n\
         match = {{ all = {{ Word = \"{word}\" }}, like = {{ Name = \"sql-*\" }}, not_equals = {{ Stage = \"test\" }} }}"
    );
    // One that AWS Backup assumes, and that has no profile.
    let _ = writeln!(
        text,
        "[role.AWSBackup]\npreset = \"backup-service\"\ninstance_profile = false\ninline_policies = {{}}"
    );
    for (kind, count) in [("policy", POLICIES), ("role", ROLES), ("vault", VAULTS), ("package", PACKAGES)] {
        for index in 0..count {
            let _ = writeln!(text, "[{kind}.{kind}-{index}]");
        }
    }
    for plan in 0..PLANS {
        let _ = writeln!(text, "[plan.plan-{plan}]");
        for rule in 0..10 {
            let (vault, hour) = ((plan + rule) % VAULTS, 2 * rule);
            let _ = writeln!(
                text,
                "[plan.plan-{plan}.rule.rule-{rule}]\nvault = \"vault-{vault}\"\nschedule = \"cron(0 {hour} ? * * *)\""
            );
        }
        for selection in ["one", "two"] {
            let _ = writeln!(text, "[plan.plan-{plan}.selection.{selection}]");
        }
    }
    text
}

/// Counts what the entries of a configuration come to.
fn resolved(config: &Config) -> u64 {
    config.desired.iter().map(|desired| json::pretty(desired).expect("JSON").len() as u64).sum()
}

/// Saves a plan, and reads what was saved.
fn saved(config: &Config, plan: &Plan, live: &[(KindId, KindLive)]) -> (SavedPlan, u64) {
    let occasion = Occasion {
        caller_arn: "arn:aws:iam::123456789012:user/a".into(),
        now: "2026-01-01T00:00:00Z".parse().expect("a time"),
        lifetime: LIFETIME,
    };
    let text = SavedPlan::new(plan, &config.desired, live, &Options::default(), &occasion).to_text().expect("JSON");
    (SavedPlan::parse(&text).expect("a saved plan"), text.len() as u64)
}

/// The last line of what `vssctl show` prints.
fn shown(saved: &SavedPlan) -> String {
    let text = crate::plan_reading::read(saved, 80, render::text::Detail::Full);
    anstream::adapter::strip_str(text.lines().last().unwrap_or_default()).to_string()
}

#[test]
fn the_largest_file_is_planned_saved_shown_applied_and_changed() {
    let bench = Bench::new();
    let config = bench::load(&file("one"));
    assert_eq!(config.desired.len(), THINGS);
    let size = resolved(&config);
    assert!(size <= RESOLVED && size > RESOLVED / 10 * 9, "it comes to {size} bytes, and may come to {RESOLVED}");
    let clients = bench.clients(&config.scope);
    let look = |config: &Config| bench.wait(bench::read_and_plan(&clients.reader(), config, &Options::default()));

    let (plan, live) = look(&config);
    let (created, bytes) = saved(&config, &plan, &live);
    println!("the largest file comes to {size} bytes, its first plan to {bytes}");
    assert!(bytes <= LARGEST, "{bytes}");
    let added = "Plan: 2000 to add, 0 to change, 0 to destroy.";
    assert_eq!(shown(&created), added);

    let options = Options::default();
    let order = Order { reviewed: Reviewed::Saved(&created), ..bench::order(&options) };
    let applied = bench.wait(async {
        let session = bench::open(config, bench.sandbox.http_client(), None, bench::HASTE).await.expect("a session");
        engine::carry_out(&session, &order, &bench::Quiet).await.expect("nothing moved")
    });
    assert_eq!(applied.end, End::Done);

    let config = bench::load(&file("two"));
    let (plan, live) = look(&config);
    let still: Vec<_> = plan.changes.iter().filter(|change| change.action == Action::NoOp).collect();
    assert_eq!(still, [].as_slice() as &[&vssctl::plan::Change], "they are as they were");
    let (changed, update) = saved(&config, &plan, &live);
    println!("the plan that changes all of it comes to {update} bytes of {LARGEST}");
    assert!(update <= LARGEST && update > bytes, "{update}");
    let summary = changed.plan().summary();
    let expected =
        format!("Plan: {} to add, {} to change, {} to destroy.", summary.add, summary.change, summary.destroy);
    assert_eq!(shown(&changed), expected);
}
