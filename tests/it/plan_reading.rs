//! Plans as people read them: how long they are, what stands beside what, and that the same plan reads the same.

use serde_json::json;
use vssctl::model::Action;
use vssctl::plan::file::{SavedChange, SavedPlan};
use vssctl::render::text::{Detail, Reading, plan};

use crate::harness::{MAIN_JOB, Place};

/// Forty resources, some of presets and some plain.
const FORTY: &str = include_str!("../forty.toml");

/// Renders a saved plan without colours, in so many columns.
pub(crate) fn read(saved: &SavedPlan, width: usize, detail: Detail) -> String {
    let consents = saved.declared();
    let reading = Reading { consents: &consents, problems: "", command: "vssctl apply", width, detail };
    anstream::adapter::strip_str(&plan(&saved.plan(), &reading)).to_string()
}

fn saved(place: &Place) -> SavedPlan {
    let json = place.sandbox(&["plan", "--format", "json"]).exits(0).stdout;
    SavedPlan::parse(&json).expect("a saved plan")
}

/// Asserts that no line is longer than it must be: only a word that is too long by itself goes beyond.
#[track_caller]
fn assert_fits(text: &str, width: usize) {
    for line in text.lines().filter(|line| line.chars().count() > width) {
        let indent = line.chars().take_while(|character| *character == ' ').count();
        assert!(line.trim().chars().count() + indent > width && !line.trim().contains(' '), "{width}: {line}\n{text}");
    }
}

#[test]
fn forty_additions_fit_a_screen_and_nothing_is_lost() {
    let place = Place::with(FORTY);
    let plan = saved(&place);
    assert_eq!(plan.changes.iter().filter(|change| change.action == Action::Create).count(), 40);
    let text = read(&plan, 120, Detail::Brief);
    assert!(text.lines().count() <= 60, "{} lines:\n{text}", text.lines().count());
    assert!(text.ends_with("\nPlan: 40 to add, 0 to change, 0 to destroy.\n"), "{text}");
    for change in plan.changes.iter().filter(|change| change.action == Action::Create) {
        assert!(text.contains(&change.address.to_string()), "{} is missing:\n{text}", change.address);
    }
    // What no preset brings is there, word for word.
    for said in [
        "as preset vss-instance",
        "as preset vss-instance-backup-only",
        "as preset backup-service",
        "trust = backup.amazonaws.com",
        "description = SQL Server: Systems Manager and VSS images of themselves",
        "schedule = cron(0 12 ? * MON-FRI *) Europe/Berlin",
        "steered by minimum_version = \"2.3.1\"",
        "cost-centre = \"4711\", team = windows-platform",
        "delete_after = 3650d",
        "max_errors = 10%",
    ] {
        assert!(text.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{said}:\n{text}");
    }
    // `rule2` stands before `rule10`.
    assert!(text.find("rule.rule2:").expect("it") < text.find("rule.rule10:").expect("it"), "{text}");
    for (width, detail) in [(120, Detail::Brief), (80, Detail::Brief), (120, Detail::Summary), (80, Detail::Summary)] {
        assert_fits(&read(&plan, width, detail), width);
    }
    let summary = read(&plan, 80, Detail::Summary);
    let summary = summary.split("\nSecurity:").next().unwrap_or_default();
    assert_eq!(summary.lines().filter(|line| line.starts_with("  + ")).count(), 40, "{summary}");
    // Whoever asks for all of it gets the documents too.
    let full = read(&plan, 120, Detail::Full);
    assert!(full.contains("ec2:SourceInstanceARN") && full.contains("AmazonSSMManagedInstanceCore"), "{full}");
    assert!(!text.contains("ec2:SourceInstanceARN") && !text.contains("AmazonSSMManagedInstanceCore"), "{text}");
}

#[test]
fn the_same_saved_plan_reads_the_same_and_piped_text_has_no_colour() {
    let place = Place::with(FORTY);
    let planned = place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    for environment in [[("NO_COLOR", "1")], [("TERM", "dumb")]] {
        let mut command = place.command(&["--sandbox=account.json", "show", "plan.json"]);
        let shown = String::from_utf8(command.envs(environment).output().expect("it runs").stdout).expect("text");
        assert_eq!(shown, planned.stdout);
        assert!(!shown.contains('\u{1b}'));
    }
    let full = place.sandbox(&["show", "plan.json", "--full"]).exits(0).stdout;
    assert_eq!(place.sandbox(&["plan", "--full"]).exits(0).stdout, full);
    let summary = place.sandbox(&["plan", "--summary"]).exits(0).stdout;
    assert_eq!(place.sandbox(&["show", "plan.json", "--summary"]).exits(0).stdout, summary);
    assert!(full.lines().count() > 3 * planned.stdout.lines().count());
    assert!(summary.lines().count() < planned.stdout.lines().count());
    for arguments in [["plan", "--summary", "--format", "json"], ["plan", "--full", "--format", "markdown"]] {
        place.sandbox(&arguments).exits(6);
    }
    place.sandbox(&["plan", "--full", "--summary"]).exits(6);
    place.sandbox(&["show", "--full"]).exits(6);
}

/// Changes one text of the main job and returns how the plan reads.
fn after(applied: &Place, from: &str, to: &str) -> String {
    let text = MAIN_JOB.replacen(from, to, 1);
    assert_ne!(text, MAIN_JOB);
    applied.write("vss.toml", text);
    applied.sandbox(&["plan"]).exits(0).stdout
}

#[test]
fn a_changed_schedule_says_when_it_runs_and_ran() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let text = after(&place, "cron(0 18 ? * * *)", "cron(30 1 ? * SAT *)");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("when rule.nightly runs: - daily at 18:00 Asia/Tokyo: next "), "{text}");
    assert!(flat.contains("+ every Saturday at 01:30 Asia/Tokyo: next Sat 20"), "{text}");
    let (_, next) = flat.split_once("at 01:30 Asia/Tokyo: next ").expect("the next runs");
    let next = next.split(" ! ").next().expect("an end");
    assert_eq!(next.matches("Sat 20").count(), 3, "{text}");
    assert!(next.ends_with(" 01:30 +09:00"), "{text}");
    // The zone alone, a rule that goes and one that comes; a tag of that name is no schedule.
    let text = after(&place, "Asia/Tokyo", "Etc/UTC");
    assert!(text.contains("+ daily at 18:00 UTC: next "), "{text}");
    let tags = format!("{MAIN_JOB}\n[plan.daily.tags]\nschedule = \"daily\"\n");
    place.write("vss.toml", tags);
    let text = place.sandbox(&["plan"]).exits(0).stdout;
    assert!(text.contains("tags.schedule") && !text.contains("runs:"), "{text}");
    let text = after(&place, "rate(1 day)", "rate(12 hours)");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("when runs: - every day + every 12 hours"), "{text}");
    // What was saved reads the same on another day.
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    let before = place.sandbox(&["show", "plan.json"]).exits(0).stdout;
    place.sandbox(&["sandbox", "advance", "3d"]).exits(0);
    assert_eq!(place.sandbox(&["show", "plan.json"]).exits(0).stdout, before);
}

#[test]
fn what_steers_is_shown_where_something_changes() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let text = after(&place, "rate(1 day)\"", "rate(2 days)\"\nwait = true");
    assert!(text.contains("steered by minimum_version = \"2.3.1\", wait = true"), "{text}");
    let text = after(&place, "rate(1 day)\"", "rate(2 days)\"\nwait = false");
    assert!(text.contains("steered by minimum_version = \"2.3.1\"\n"), "{text}");
    let text = after(
        &place,
        "preset = \"vss-instance\"",
        "preset = \"vss-instance\"\npolicies_mode = \"exclusive\"\nmax_session_duration = \"2h\"",
    );
    assert!(text.contains("max_session_duration") && !text.contains("policies_mode"), "{text}");
}

#[test]
fn names_stand_beside_ids_where_they_were_read_and_cost_no_call() {
    let place = Place::with(MAIN_JOB);
    place.write(
        "fleet.toml",
        "region = 'ap-northeast-1'\n[[instance]]\nname = 'web'\ncount = 12\ntags = { Role = 'web' }\n",
    );
    place.sandbox(&["sandbox", "load", "fleet.toml"]).exits(0);
    let attachment = "\n[attachment.web]\ninstance_profile = \"EC2RoleforSSMVSSSnapshotV2\"\ntargets = { tags = { Role = \"web\" } }\n";
    place.write("vss.toml", format!("{MAIN_JOB}{attachment}"));
    let text = place.sandbox(&["plan"]).exits(0).stdout;
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(" (web-") && flat.contains("more"), "{text}");
    let full = place.sandbox(&["plan", "--full"]).exits(0).stdout;
    assert_eq!(full.matches(" (web-").count(), 12, "{full}");
    let shown = saved(&place);
    assert_eq!(shown.names.len(), 12, "{:?}", shown.names);
    // They are no part of what is reviewed.
    let mut other = shown.clone();
    other.names.clear();
    other.seal();
    assert_eq!(other.digest, shown.digest);
}

#[test]
fn what_no_preset_has_is_never_hidden_behind_its_name() {
    let place = Place::with(MAIN_JOB);
    let template = saved(&place);
    let is_role = |change: &&SavedChange| change.address.to_string() == "role.EC2RoleforSSMVSSSnapshotV2";
    let role = template.changes.iter().find(is_role).expect("the role").clone();
    let with = |edit: &dyn Fn(&mut SavedChange)| {
        let mut role = role.clone();
        edit(&mut role);
        let plan = SavedPlan { changes: vec![role], ..template.clone() };
        read(&plan, 120, Detail::Brief)
    };
    assert!(with(&|_| {}).contains("as preset vss-instance\n"));
    let field = |role: &mut SavedChange, path: &str| {
        role.fields.iter().position(|field| field.path == path).expect("the field")
    };
    // One policy more, one less, another principal, a condition.
    let more = with(&|role| {
        let index = field(role, "managed_policies");
        role.fields[index]
            .after
            .as_array_mut()
            .expect("a list")
            .push(json!("arn:aws:iam::aws:policy/AdministratorAccess"));
    });
    assert!(more.contains("AdministratorAccess") && !more.contains("as preset"), "{more}");
    let fewer = with(&|role| {
        let index = field(role, "managed_policies");
        role.fields[index].after.as_array_mut().expect("a list").pop();
    });
    assert!(fewer.contains("managed_policies = ") && !fewer.contains("as preset"), "{fewer}");
    let anybody = with(&|role| {
        let index = field(role, "trust");
        role.fields[index].after["Statement"][0]["Principal"] = json!({ "AWS": ["*"] });
    });
    assert!(anybody.contains("\"AWS\"") && !anybody.contains("as preset"), "{anybody}");
    let inline = with(&|role| {
        let index = field(role, "trust");
        let mut added = role.fields[index].clone();
        added.path = "inline_policies.extra".to_owned();
        added.after = json!({ "Statement": [{ "Effect": "Allow", "Action": ["iam:*"], "Resource": ["*"] }] });
        role.fields.push(added);
    });
    assert!(inline.contains("as preset vss-instance") && inline.contains("iam:*"), "{inline}");
}
