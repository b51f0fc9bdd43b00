//! A plan in a pipeline, through the built binary: from a pull request to drift and back.

use serde_json::{Value, json};
use vssctl::sandbox::Sandbox;

use crate::harness::{MAIN_JOB, Place, Run};

/// A repository with the main job at `main`, applied, and a branch for a pull request.
fn repository() -> Place {
    let place = Place::empty();
    place.write("vss.toml", MAIN_JOB);
    place.write(".gitignore", "account.json*\n*.json\n");
    let line = "git init --quiet --initial-branch main && git config user.email a@example.com && git config user.name A \
                && git add . && git commit --quiet -m main && git switch --quiet -c review";
    place.shell(line).exits(0);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place
}

fn call(place: &Place, service: &str, operation: &str, input: &Value) -> Value {
    let account = Sandbox::open(place.path().join("account.json")).expect("the account");
    account.call(service, operation, "ap-northeast-1", input).unwrap_or_else(|error| panic!("{operation}: {error:?}"))
}

/// Changes the backup plan as somebody does in the console.
fn by_hand(place: &Place, change: impl Fn(&mut Value)) {
    let plans = call(place, "backup", "ListBackupPlans", &json!({}));
    let id = plans["BackupPlansList"][0]["BackupPlanId"].clone();
    let answer = call(place, "backup", "GetBackupPlan", &json!({ "BackupPlanId": id }));
    let mut plan = answer["BackupPlan"].clone();
    plan["AdvancedBackupSettings"] = answer["AdvancedBackupSettings"].clone();
    change(&mut plan);
    for rule in plan["Rules"].as_array_mut().expect("rules") {
        rule.as_object_mut().expect("a rule").remove("RuleId");
    }
    call(place, "backup", "UpdateBackupPlan", &json!({ "BackupPlanId": id, "BackupPlan": plan }));
}

fn digest(run: &Run) -> String {
    let from = run.stdout.find("sha256:").expect("a digest");
    run.stdout[from..from + 7 + 64].to_owned()
}

fn plan(place: &Place, more: &[&str]) -> Run {
    place.sandbox(&[&["plan", "--no-input"], more].concat())
}

#[test]
fn a_pull_request_goes_from_its_comment_to_an_apply_and_drift_is_one_issue() {
    let place = repository();
    // The pull request adds a rule: the comment shows that and nothing else.
    let rule =
        "\n[plan.daily.rule.weekly]\nvault = \"vss\"\nschedule = \"cron(0 3 ? * SUN *)\"\ndelete_after = \"90d\"\n";
    place.write("vss.toml", MAIN_JOB.to_owned() + rule);
    let comment = plan(&place, &["--base", "main", "--format", "markdown", "--out", "reviewed.json"]).exits(0);
    let text = &comment.stdout;
    assert!(text.starts_with("<!-- vssctl:plan:v1 stack=windows-backup account=123456789012 region="), "{text}");
    assert!(text.contains("**1 to change**") && text.contains("| to change | 1 | 0 |"), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(['+', '-', '~', '!'])).collect();
    assert_eq!(
        lines,
        [
            "+ rule.weekly.vault        = \"vss\"",
            "+ rule.weekly.schedule     = \"cron(0 3 ? * SUN *)\"",
            "+ rule.weekly.delete_after = \"90d\"",
        ]
    );
    let reviewed = digest(&comment);
    assert!(text.contains(&format!("apply --yes --expect-digest {reviewed}")), "{text}");
    assert_eq!(
        plan(&place, &["--base", "main", "--format", "markdown"]).stdout,
        *text,
        "the same plan, the same bytes"
    );

    // Somebody changes AWS by hand: the next plan tells both apart, and the merge check stops.
    by_hand(&place, |plan| plan["Rules"][0]["Lifecycle"]["DeleteAfterDays"] = json!(40));
    let both = plan(&place, &["--base", "main"]).exits(0);
    assert!(both.stdout.contains("rule.nightly.delete_after (drift)"), "{}", both.stdout);
    assert!(both.stdout.contains("rule.weekly.vault (this change)"), "{}", both.stdout);
    let causes = plan(&place, &["--base", "main", "--format", "json"]).exits(0);
    let causes: Value = serde_json::from_str(&causes.stdout).expect("JSON");
    let of = |path: &str| {
        let mut fields = causes["changes"].as_array().expect("changes").iter().filter_map(|it| it["fields"].as_array());
        fields.find_map(|fields| fields.iter().find(|field| field["path"] == path).map(|it| it["cause"].clone()))
    };
    assert_eq!(of("rule.nightly.delete_after"), Some(json!("drift")));
    assert_eq!(of("rule.weekly.schedule"), Some(json!("change")));
    let stale = plan(&place, &["--expect-digest", &reviewed]).exits(3);
    assert!(stale.stderr.contains(&reviewed), "{}", stale.stderr);
    let moved = plan(&place, &["--reviewed", "reviewed.json"]).exits(3);
    assert!(moved.stdout.contains("plan.daily rule.nightly.delete_after: was no change"), "{}", moved.stdout);

    // Back as it was, a comment in the file is no other plan; and the reviewed plan is applied by its digest.
    by_hand(&place, |plan| plan["Rules"][0]["Lifecycle"]["DeleteAfterDays"] = json!(35));
    place.write("vss.toml", format!("# a comment\n{MAIN_JOB}{rule}"));
    let again = plan(&place, &[]).exits(0);
    assert!(again.stdout.ends_with("Plan: 0 to add, 1 to change, 0 to destroy.\n"), "{}", again.stdout);
    let now = digest(&plan(&place, &["--format", "markdown"]).exits(0));
    place.sandbox(&["apply", "--yes", "--expect-digest", &now]).exits(0);
    plan(&place, &["--expect-digest", &now]).exits(3);
    let clean = place.sandbox(&["drift"]).exits(0);
    assert_eq!(clean.last_line(), "No drift.");

    // The console switches VSS off: protection is lost, and there is one issue about it.
    by_hand(&place, |plan| {
        plan.as_object_mut().expect("a plan").remove("AdvancedBackupSettings");
    });
    let drift = place.sandbox(&["drift", "--format", "issue"]).exits(2);
    let mut lines = drift.stdout.lines();
    assert_eq!(lines.next(), Some("vssctl drift: windows-backup (123456789012 ap-northeast-1)"));
    assert!(drift.stdout.contains("#### protection-lost"), "{}", drift.stdout);
    assert!(drift.stdout.contains("! vss-disabled: "), "{}", drift.stdout);
    assert_eq!(place.sandbox(&["drift", "--format", "issue"]).stdout, drift.stdout);
    place.sandbox(&["drift", "--fail-on", "protection-lost"]).exits(2);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let mended = place.sandbox(&["drift", "--format", "issue"]).exits(0);
    assert_eq!(mended.stdout.lines().next(), Some("vssctl drift: windows-backup (123456789012 ap-northeast-1)"));
    assert!(mended.stdout.contains("state=clean") && mended.stdout.contains("can be closed"), "{}", mended.stdout);
}

#[test]
fn each_difference_has_the_severity_of_what_it_takes_away() {
    type Hand = fn(&Place);
    let hands: [(&str, Hand, &str); 6] = [
        (
            "shorter retention",
            |it| by_hand(it, |plan| plan["Rules"][0]["Lifecycle"]["DeleteAfterDays"] = json!(7)),
            "protection-lost",
        ),
        (
            "longer retention",
            |it| by_hand(it, |plan| plan["Rules"][0]["Lifecycle"]["DeleteAfterDays"] = json!(90)),
            "functional",
        ),
        (
            "a policy more",
            |it| {
                let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
                let input = json!({ "RoleName": "EC2RoleforSSMVSSSnapshotV2", "PolicyArn": arn });
                call(it, "iam", "AttachRolePolicy", &input);
            },
            "security-widened",
        ),
        (
            "the VSS policy less",
            |it| {
                let arn = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy";
                let input = json!({ "RoleName": "EC2RoleforSSMVSSSnapshotV2", "PolicyArn": arn });
                call(it, "iam", "DetachRolePolicy", &input);
            },
            "protection-lost",
        ),
        (
            "a tag less",
            |it| {
                let input = json!({ "RoleName": "AWSBackupVss", "TagKeys": ["team"] });
                call(it, "iam", "UntagRole", &input);
            },
            "cosmetic",
        ),
        (
            "the selection gone",
            |it| {
                let plans = call(it, "backup", "ListBackupPlans", &json!({}));
                let id = plans["BackupPlansList"][0]["BackupPlanId"].clone();
                let list = call(it, "backup", "ListBackupSelections", &json!({ "BackupPlanId": id }));
                let selection = list["BackupSelectionsList"][0]["SelectionId"].clone();
                call(it, "backup", "DeleteBackupSelection", &json!({ "BackupPlanId": id, "SelectionId": selection }));
            },
            "protection-lost",
        ),
    ];
    for (name, hand, severity) in hands {
        let place = Place::with(&MAIN_JOB.replace("[role.EC2", "[tags]\nteam = \"a\"\n\n[role.EC2"));
        place.sandbox(&["apply", "--yes"]).exits(0);
        hand(&place);
        let run = place.sandbox(&["drift", "--format", "json"]).exits(2);
        let drift: Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!(drift["findings"][0]["severity"], severity, "{name}: {}", run.stdout);
        for (least, code) in [("cosmetic", 2), ("functional", 2), ("security-widened", 2), ("protection-lost", 2)] {
            let order = ["cosmetic", "functional", "security-widened", "protection-lost"];
            let rank = |word: &str| order.iter().position(|it| *it == word);
            let code = if rank(least) <= rank(severity) { code } else { 0 };
            place.sandbox(&["drift", "--fail-on", least]).exits(code);
            plan(&place, &["--fail-on", least]).exits(code);
        }
    }
}

#[test]
fn a_base_that_can_not_be_used_ends_the_plan_and_one_that_lacks_the_file_labels_all_as_this_change() {
    let place = repository();
    let unknown = plan(&place, &["--base", "origin/main"]).exits(6);
    assert!(unknown.stderr.contains("VSS0115") && unknown.stderr.contains("fetch-depth: 0"), "{}", unknown.stderr);
    plan(&place, &["--base", "--upload-pack=x"]).exits(6);
    // Another account in the base is another stack.
    place.write("vss.toml", MAIN_JOB.replace("123456789012", "210987654321"));
    place.sandbox(&["plan", "--base", "main"]).exits(4);
    place.write("vss.toml", MAIN_JOB.to_owned() + "\n[vault.other]\n");
    place.shell("git rm --quiet --cached vss.toml && git commit --quiet -m gone && git tag gone").exits(0);
    let all = plan(&place, &["--base", "gone"]).exits(0);
    assert!(all.stdout.contains("+ vault.other [this change]"), "{}", all.stdout);
    // A link in the base is refused as on the disk.
    place
        .shell("mv vss.toml x.toml && ln -s x.toml vss.toml && git add -f vss.toml && git commit --quiet -m link")
        .exits(0);
    place.shell("rm vss.toml && mv x.toml vss.toml").exits(0);
    let link = plan(&place, &["--base", "HEAD"]).exits(0);
    assert!(link.stderr.contains("is a symbolic link"), "{}", link.stderr);
}

#[test]
fn a_base_whose_files_this_clone_lacks_is_unreadable_and_not_missing() {
    for (filter, name) in [("blob:none", "vss.toml"), ("tree:0", "vss.toml"), ("blob:none", "base.toml")] {
        let place = repository();
        place.write("base.toml", "[tags]\nteam = \"a\"\n");
        if name == "base.toml" {
            place.write("vss.toml", format!("extends = \"base.toml\"\n{MAIN_JOB}"));
        }
        place.shell("git add -f . && git commit --quiet -m old && git tag old").exits(0);
        place.write(
            name,
            format!("# Another one.\n{}", std::fs::read_to_string(place.path().join(name)).expect("a file")),
        );
        // What a repository says of how to fetch is a program to run: nothing is fetched.
        place
            .shell(&format!(
                "git commit --quiet -a -m new && git config uploadpack.allowFilter true && \
                 git clone --quiet --filter={filter} \"file://$PWD\" part && \
                 git -C part config remote.origin.uploadpack 'touch fetched;'"
            ))
            .exits(0);
        let run = place.sandbox(&["plan", "--file", "part/vss.toml", "--base", "old"]).exits(6);
        assert!(run.stderr.contains("VSS0115") && run.stderr.contains("`filter`"), "{filter}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{filter}");
        assert!(!place.path().join("part/fetched").exists() && !place.path().join("fetched").exists(), "{filter}");
    }
}

#[test]
fn what_the_file_has_come_to_say_as_it_is_live_settles_drift() {
    let place = repository();
    by_hand(&place, |plan| plan["Rules"][0]["Lifecycle"]["DeleteAfterDays"] = json!(40));
    place.write("vss.toml", MAIN_JOB.replace("\"35d\"", "\"40d\""));
    let run = plan(&place, &["--base", "main"]).exits(0);
    assert!(run.stdout.contains("this change settles drift of rule.nightly.delete_after"), "{}", run.stdout);
    let json: Value =
        serde_json::from_str(&plan(&place, &["--base", "main", "--format", "json"]).stdout).expect("JSON");
    let plan = json["changes"].as_array().expect("changes").iter().find(|it| it["address"] == "plan.daily");
    assert_eq!(plan.map(|plan| &plan["cause"]), Some(&json!("accepts-drift")));
}

#[test]
fn what_validate_finds_stands_at_its_place_in_every_format() {
    let place = Place::with(&MAIN_JOB.replace("vault           = \"vss\"", "vault           = \"v<s>&\""));
    let sarif = place.run(&["validate", "--format", "sarif"]).exits(6);
    let log: Value = serde_json::from_str(&sarif.stdout).expect("JSON");
    let results = log["runs"][0]["results"].as_array().expect("results");
    let result = results.iter().find(|result| result["level"] == "error").expect("an error");
    let physical = &result["locations"][0]["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "vss.toml");
    let line = usize::try_from(physical["region"]["startLine"].as_u64().expect("a line")).expect("a line");
    assert!(place.read("vss.toml").lines().nth(line - 1).is_some_and(|line| line.contains("v<s>&")), "{result}");
    let junit = place.run(&["validate", "--format", "junit"]).exits(6);
    assert!(junit.stdout.contains("failures=\"1\""), "{}", junit.stdout);
    assert!(junit.stdout.contains("v&lt;s&gt;&amp;"), "{}", junit.stdout);
    let fine = Place::with(MAIN_JOB).run(&["validate", "--format", "junit"]).exits(0);
    assert!(fine.stdout.contains("<testcase classname=\"vssctl.validate\" name=\"plan.daily\"></testcase>"));
}
