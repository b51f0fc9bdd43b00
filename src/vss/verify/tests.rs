//! Verdicts on small accounts.

use super::*;
use crate::vss::evidence::{APP_CONSISTENT, Conditions, Instance, JobState, Known, Tags, VSS_CONFIG};
use crate::vss::fixture::{self, at, fallback, job};

fn with(edit: impl FnOnce(&mut Evidence)) -> Report {
    let mut evidence = fixture::healthy();
    edit(&mut evidence);
    verify(&evidence, &Options::default())
}

fn jobs(jobs: Vec<Job>) -> Report {
    with(|evidence| evidence.jobs = Known::Known(jobs))
}

fn only(report: &Report) -> &Verified {
    assert_eq!(report.instances.len(), 1, "{report:#?}");
    &report.instances[0]
}

fn failed(id: &str, created: &str, state: JobState, message: &str) -> Job {
    Job { state, recovery_point_arn: None, ..fallback(id, created, message) }
}

#[test]
fn a_job_that_says_vss_and_snapshots_that_say_so_too_are_consistent() {
    let report = with(|_| {});
    let verified = only(&report);
    assert_eq!(verified.verdict, Verdict::Consistent, "{verified:#?}");
    assert!(!report.has_findings() && !report.has_unknown());
    let image = verified.proof.as_ref().unwrap().image.as_ref().unwrap();
    assert_eq!((image.snapshots.len(), image.version.as_ref().unwrap().as_str()), (2, "2.5.1"));
}

#[test]
fn a_completed_job_without_its_type_is_crash_only_with_the_cause_of_its_message() {
    let message = "Windows VSS Backup attempt failed because ec2-vss-agent.exe is not installed in the Instance";
    let report = jobs(vec![job("old", "2026-01-13T18:00:00Z"), fallback("new", "2026-01-14T18:00:00Z", message)]);
    let verified = only(&report);
    assert_eq!(verified.verdict, Verdict::CrashOnly);
    assert_eq!(verified.cause.as_ref().unwrap().checks, ["D030"]);
    assert_eq!(verified.last_vss.as_ref().unwrap().job, "old");
    assert!(report.has_findings());
}

#[test]
fn what_was_asked_for_proves_nothing() {
    let report = jobs(vec![Job { backup_type: Some(String::new()), ..job("j", "2026-01-14T18:00:00Z") }]);
    assert_eq!(only(&report).verdict, Verdict::CrashOnly);
}

#[test]
fn one_snapshot_without_the_tag_is_enough_not_to_be_consistent() {
    for edit in [
        |tags: &mut Tags| drop(tags.remove(APP_CONSISTENT)),
        |tags: &mut Tags| drop(tags.insert(APP_CONSISTENT.to_owned(), "False".to_owned())),
        |tags: &mut Tags| drop(tags.remove(VSS_CONFIG)),
    ] {
        let report = with(|evidence| {
            if let Known::Known(snapshots) = &mut evidence.snapshots {
                edit(&mut snapshots.get_mut("snap-02").unwrap().as_mut().unwrap().tags);
            }
        });
        let verified = only(&report);
        assert_eq!(verified.verdict, Verdict::CrashOnly);
        assert!(verified.cause.as_ref().unwrap().cause.contains("snap-02"));
    }
}

#[test]
fn a_snapshot_that_is_gone_proves_nothing() {
    let report = with(|evidence| {
        if let Known::Known(snapshots) = &mut evidence.snapshots {
            snapshots.insert("snap-01".to_owned(), None);
        }
    });
    assert_eq!(only(&report).verdict, Verdict::CrashOnly);
}

#[test]
fn an_old_package_that_sets_no_version_tag_at_all_is_not_blamed_for_it() {
    let report = with(|evidence| {
        if let Known::Known(snapshots) = &mut evidence.snapshots {
            for snapshot in snapshots.values_mut().flatten() {
                snapshot.tags.remove(VSS_CONFIG);
            }
        }
    });
    assert_eq!(only(&report).verdict, Verdict::Consistent);
}

#[test]
fn an_image_that_is_gone_is_no_backup() {
    let report = with(|evidence| evidence.images = Known::Known(BTreeMap::from([("ami-01".to_owned(), None)])));
    assert_eq!(only(&report).verdict, Verdict::Failed);
    assert!(only(&report).cause.as_ref().unwrap().cause.contains("ami-01"));
}

#[test]
fn snapshots_that_nobody_could_read_leave_it_unknown_and_never_consistent() {
    let denied = || Unread { action: "ec2:DescribeSnapshots".to_owned(), message: "denied".to_owned() };
    for edit in [
        (|evidence: &mut Evidence, denied: Unread| evidence.images = Known::Unknown(denied))
            as fn(&mut Evidence, Unread),
        |evidence, denied| evidence.snapshots = Known::Unknown(denied),
        |evidence, denied| evidence.jobs = Known::Unknown(denied),
    ] {
        let report = with(|evidence| edit(evidence, denied()));
        assert!(report.instances.iter().all(|verified| verified.verdict == Verdict::Unknown), "{report:#?}");
        assert!(!report.has_findings() && report.has_unknown());
    }
    let blind = with(|evidence| evidence.images = Known::NotRead);
    assert_eq!(only(&blind).verdict, Verdict::Unknown);
}

#[test]
fn a_job_that_failed_is_failed_with_the_meaning_of_its_message() {
    for (state, message, check) in [
        (JobState::Failed, "Backup job failed because there was a running job for the same resource.", "D064"),
        (JobState::Expired, "Backup job expired before completion.", "D070"),
        (
            JobState::Failed,
            "The retention specified in the job is not within the range specified for the target Backup Vault",
            "D071",
        ),
        (JobState::Aborted, "somebody stopped it", "D065"),
        (JobState::Partial, "half of it", "D065"),
    ] {
        let report =
            jobs(vec![job("old", "2026-01-13T18:00:00Z"), failed("new", "2026-01-14T18:00:00Z", state, message)]);
        let verified = only(&report);
        assert_eq!(verified.verdict, Verdict::Failed);
        assert!(verified.cause.as_ref().unwrap().checks.iter().any(|found| found == check), "{verified:#?}");
    }
}

#[test]
fn a_consistent_backup_grows_stale_by_the_plans_own_schedule() {
    let stale = jobs(vec![job("old", "2026-01-13T18:00:00Z")]);
    assert_eq!(only(&stale).verdict, Verdict::Stale);
    assert_eq!(only(&stale).max_age, Some((24 + 1 + 8) * 3_600));
    let weekly = with(|evidence| {
        fixture::plan(evidence).rules[0].schedule = Some("cron(0 18 ? * SUN *)".to_owned());
        evidence.jobs = Known::Known(vec![job("old", "2026-01-11T18:00:00Z")]);
    });
    assert_eq!(only(&weekly).verdict, Verdict::Consistent);
    let mut evidence = fixture::healthy();
    evidence.jobs = Known::Known(vec![job("old", "2026-01-11T18:00:00Z")]);
    let lenient = Options { max_age: Some(7 * 86_400), ..Options::default() };
    assert_eq!(only(&verify(&evidence, &lenient)).verdict, Verdict::Consistent);
    let strict = Options { max_age: Some(3_600), ..Options::default() };
    assert_eq!(only(&verify(&fixture::healthy(), &strict)).verdict, Verdict::Stale);
}

#[test]
fn no_job_at_all_is_never() {
    assert_eq!(only(&jobs(Vec::new())).verdict, Verdict::Never);
    let options = Options { since: Some(at("2026-01-15T00:00:00Z")), ..Options::default() };
    assert_eq!(only(&verify(&fixture::healthy(), &options)).verdict, Verdict::Never);
}

#[test]
fn nobody_is_blamed_before_the_first_run_is_over() {
    let plan = with(|evidence| {
        evidence.jobs = Known::Known(Vec::new());
        fixture::plan(evidence).created = Some(at("2026-01-15T09:00:00Z"));
    });
    assert_eq!(only(&plan).verdict, Verdict::Pending);
    assert_eq!(only(&plan).reason, "its first backup is due at 2026-01-15 18:00 UTC");
    let server = with(|evidence| {
        evidence.jobs = Known::Known(Vec::new());
        fixture::instance(evidence).created = Some(at("2026-01-15T11:00:00Z"));
    });
    assert_eq!(only(&server).verdict, Verdict::Pending);
    let running = jobs(vec![Job { state: JobState::Running, completed: None, ..job("now", "2026-01-15T11:50:00Z") }]);
    assert_eq!(only(&running).verdict, Verdict::Pending);
    assert!(!running.has_findings());
}

#[test]
fn a_running_job_does_not_hide_the_last_one_that_ended() {
    let report = jobs(vec![
        Job { state: JobState::Running, completed: None, ..job("now", "2026-01-15T11:50:00Z") },
        fallback("last", "2026-01-14T18:00:00Z", "Windows VSS Backup Job Error encountered, trying for regular backup"),
    ]);
    assert_eq!(only(&report).verdict, Verdict::CrashOnly);
    assert_eq!(only(&report).running.as_deref(), Some("now"));
}

#[test]
fn a_plan_without_vss_says_nothing_about_the_one_with() {
    let plan_id = Some("another".to_owned());
    let other = Job { vss_requested: false, backup_type: None, plan_id, ..job("other", "2026-01-15T06:00:00Z") };
    let report = jobs(vec![job("vss", "2026-01-14T18:00:00Z"), other]);
    assert_eq!(only(&report).verdict, Verdict::Consistent);
}

#[test]
fn a_regular_backup_that_takes_the_place_of_one_with_vss_decides() {
    let regular = |plan: &str| Job {
        vss_requested: false,
        backup_type: None,
        plan_id: Some(plan.to_owned()),
        ..job("regular", "2026-01-15T06:00:00Z")
    };
    let old = job("vss", "2026-01-14T18:00:00Z");
    let plan = old.plan_id.clone().unwrap();
    // VSS is off, or was off for a while.
    for is_on in [false, true] {
        let report = with(|evidence| {
            fixture::plan(evidence).windows_vss = is_on;
            evidence.jobs = Known::Known(vec![old.clone(), regular(&plan)]);
        });
        assert_eq!(only(&report).verdict, Verdict::CrashOnly, "{is_on}");
        assert_eq!(only(&report).proof.as_ref().unwrap().job.id, "regular");
        assert_eq!(only(&report).last_vss.as_ref().unwrap().job, "vss");
    }
    // Another plan without VSS has taken over.
    let report = with(|evidence| {
        fixture::plan(evidence).windows_vss = false;
        evidence.jobs = Known::Known(vec![old.clone(), regular("another")]);
    });
    assert_eq!(only(&report).verdict, Verdict::CrashOnly);
}

#[test]
fn without_a_plan_that_follows_it_up_a_backup_is_consistent_for_as_long_as_it_was_meant_to_be() {
    let left_alone = |days: i64, plan_id: Option<&str>| {
        let report = with(|evidence| {
            fixture::plan(evidence).selections = Known::Known(Vec::new());
            let one = job("vss", &evidence.read_at.plus(-days * 86_400).to_string());
            evidence.jobs = Known::Known(vec![Job { plan_id: plan_id.map(str::to_owned), ..one }]);
        });
        only(&report).clone()
    };
    let plan = job("vss", "2026-01-14T18:00:00Z").plan_id.unwrap();
    let fresh = left_alone(1, Some(&plan));
    assert_eq!(fresh.verdict, Verdict::Consistent);
    assert_eq!(fresh.notes, ["no plan with VSS selects it"]);
    let old = left_alone(3, Some(&plan));
    assert_eq!(old.verdict, Verdict::Stale);
    assert!(old.cause.unwrap().cause.contains("no plan with VSS selects it"));
    // A backup on demand may be a week old.
    assert_eq!(left_alone(6, None).verdict, Verdict::Consistent);
    assert_eq!(left_alone(9, None).verdict, Verdict::Stale);
}

fn denied(action: &str) -> Unread {
    Unread { action: action.to_owned(), message: "denied".to_owned() }
}

/// Ways in which it cannot be read which plans select an instance.
const BLIND: [fn(&mut Evidence); 3] = [
    |evidence| evidence.plans = Known::Unknown(denied("backup:ListBackupPlans")),
    |evidence| fixture::plan(evidence).selections = Known::Unknown(denied("backup:ListBackupSelections")),
    |evidence| evidence.instances = Known::Unknown(denied("ec2:DescribeInstances")),
];

#[test]
fn a_plan_whose_selections_are_not_known_may_still_select_it() {
    for blind in BLIND {
        for created in ["2026-01-01T18:00:00Z", "2026-01-14T18:00:00Z"] {
            let mut evidence = fixture::healthy();
            evidence.jobs = Known::Known(vec![job("vss", created)]);
            blind(&mut evidence);
            let report = verify(&evidence, &Options::default());
            let verified = only(&report);
            assert_eq!(verified.verdict, Verdict::Unknown, "{verified:#?}");
            assert!(verified.reason.contains("which plans select it could not be read"), "{}", verified.reason);
            assert!(verified.cause.as_ref().unwrap().fix.contains("--max-age"), "{verified:#?}");
            assert!(verified.notes.is_empty(), "{:?}", verified.notes);
            assert!(report.has_unknown() && !report.has_findings());
            // With `--max-age` no plan is needed.
            let week = Options { max_age: Some(7 * 86_400), ..Options::default() };
            let is_old = created.starts_with("2026-01-01");
            let expected = if is_old { Verdict::Stale } else { Verdict::Consistent };
            assert_eq!(only(&verify(&evidence, &week)).verdict, expected);
        }
    }
}

#[test]
fn where_the_plans_cannot_be_read_nobody_is_said_to_be_in_none() {
    for blind in &BLIND[..2] {
        let mut evidence = fixture::healthy();
        evidence.jobs = Known::Known(Vec::new());
        let selection = fixture::plan(&mut evidence).selections.known().unwrap()[0].clone();
        blind(&mut evidence);
        let declared = vec![Declared {
            address: "selection.daily.windows".to_owned(),
            plan: "daily".to_owned(),
            selection,
            makes_role: true,
        }];
        let options = Options { declared, ..Options::default() };
        let report = verify(&evidence, &options);
        let verified = only(&report);
        assert_eq!((verified.verdict, verified.notes.len()), (Verdict::Unknown, 0), "{verified:#?}");
        // That a backup failed is known without the plans, and no note says anything about them.
        evidence.jobs = Known::Known(vec![failed("j", "2026-01-14T18:00:00Z", JobState::Failed, "no")]);
        let report = verify(&evidence, &options);
        assert_eq!(only(&report).verdict, Verdict::Failed);
        assert!(only(&report).notes.is_empty(), "{:?}", only(&report).notes);
    }
}

#[test]
fn whether_ec2_is_handled_or_not_its_own_plan_says_how_old_a_backup_may_be() {
    let report = |created: &str, plan_id: Option<&str>| {
        with(|evidence| {
            evidence.opt_in = Known::Unknown(denied("backup:DescribeRegionSettings"));
            if let Known::Known(selections) = &mut fixture::plan(evidence).selections {
                selections[0].resources.clear();
                selections[0].conditions = Conditions::default();
                selections[0].list_of_tags = vec![("VssBackup".to_owned(), "enabled".to_owned())];
            }
            evidence.jobs = Known::Known(vec![Job { plan_id: plan_id.map(str::to_owned), ..job("vss", created) }]);
        })
    };
    let verdict = |created: &str, plan_id: Option<&str>| {
        let report = report(created, plan_id);
        assert!(only(&report).notes.is_empty(), "{:?}", only(&report).notes);
        only(&report).verdict
    };
    let plan = job("vss", "2026-01-14T18:00:00Z").plan_id.unwrap();
    assert_eq!(verdict("2026-01-14T18:00:00Z", Some(&plan)), Verdict::Consistent);
    assert_eq!(verdict("2026-01-10T18:00:00Z", Some(&plan)), Verdict::Stale);
    assert_eq!(verdict("2026-01-10T18:00:00Z", None), Verdict::Unknown);
}

#[test]
fn a_plan_that_runs_less_often_than_aws_keeps_jobs_is_not_accused_of_having_made_none() {
    let without_jobs = |schedule: &str, options: &Options| {
        let mut evidence = fixture::healthy();
        evidence.jobs = Known::Known(Vec::new());
        fixture::plan(&mut evidence).rules[0].schedule = Some(schedule.to_owned());
        only(&verify(&evidence, options)).clone()
    };
    // It is noon of January the fifteenth; the jobs since December the sixteenth are known, the plan is of November the
    // fourth.
    for schedule in ["cron(0 18 15 * ? *)", "cron(0 18 5 2,5,8,11 ? *)", "cron(0 18 1 12 ? *)"] {
        let verified = without_jobs(schedule, &Options::default());
        assert_eq!(verified.verdict, Verdict::Unknown, "{schedule} {verified:#?}");
        assert!(verified.cause.unwrap().cause.contains("AWS Backup keeps jobs for 30 days"));
        assert!(verified.max_age.unwrap() > HISTORY, "{schedule}");
        let strict = Options { max_age: Some(86_400), ..Options::default() };
        assert_eq!(without_jobs(schedule, &strict).verdict, Verdict::Never, "{schedule}");
    }
    for (schedule, verdict) in [
        // A run is over, and its job would be listed.
        ("cron(0 18 10 * ? *)", Verdict::Never),
        ("cron(0 18 1 1,4,7,10 ? *)", Verdict::Never),
        // It began this hour.
        ("cron(0 11 15 * ? *)", Verdict::Unknown),
        // No run was due since the plan exists.
        ("cron(0 18 3 2,5,8,11 ? *)", Verdict::Pending),
        ("cron(0 18 1 3 ? *)", Verdict::Pending),
        ("none that anybody can read", Verdict::Unknown),
    ] {
        assert_eq!(without_jobs(schedule, &Options::default()).verdict, verdict, "{schedule}");
    }
}

#[test]
fn a_backup_whose_plan_has_a_schedule_that_nobody_can_read_is_not_called_consistent() {
    let verdict = |schedule: Option<&str>, created: &str| {
        let report = with(|evidence| {
            fixture::plan(evidence).rules[0].schedule = schedule.map(str::to_owned);
            evidence.jobs = Known::Known(vec![job("vss", created)]);
        });
        only(&report).verdict
    };
    assert_eq!(verdict(Some("whenever"), "2026-01-14T18:00:00Z"), Verdict::Unknown);
    // Where no run is to come, no newer backup will be made.
    for schedule in [None, Some("cron(0 18 ? * * 2025)")] {
        assert_eq!(verdict(schedule, "2026-01-14T18:00:00Z"), Verdict::Consistent);
        assert_eq!(verdict(schedule, "2026-01-01T18:00:00Z"), Verdict::Stale);
    }
}

/// A regular backup by another plan, or by the one with VSS before it asked for it.
fn regular(plan: &str) -> Job {
    Job {
        vss_requested: false,
        backup_type: None,
        plan_id: Some(plan.to_owned()),
        ..job("regular", "2026-01-15T06:00:00Z")
    }
}

#[test]
fn regular_backups_of_another_plan_do_not_decide_for_a_plan_with_vss() {
    let verified = |created: &str, other: Job| {
        let report = with(|evidence| {
            fixture::plan(evidence).created = Some(at(created));
            evidence.jobs = Known::Known(vec![other]);
        });
        only(&report).clone()
    };
    let young = "2026-01-15T09:00:00Z";
    let pending = verified(young, regular("another"));
    assert_eq!(pending.verdict, Verdict::Pending, "{pending:#?}");
    assert_eq!(pending.reason, "its first backup is due at 2026-01-15 18:00 UTC");
    assert!(pending.cause.is_none() && pending.history.is_empty());
    let running = Job { state: JobState::Running, completed: None, ..regular("another") };
    assert_eq!(verified(young, running.clone()).reason, pending.reason);
    let old = "2025-11-04T08:00:00Z";
    for other in [regular("another"), running] {
        let never = verified(old, other);
        assert_eq!(never.verdict, Verdict::Never, "{never:#?}");
        assert!(never.cause.unwrap().cause.contains("started no job of that plan"));
        assert_eq!(never.reason, "no backup with VSS since 2025-12-16");
    }
}

#[test]
fn a_backup_from_before_vss_was_switched_on_is_not_told_to_switch_it_on() {
    let plan = job("j", "2026-01-14T18:00:00Z").plan_id.unwrap();
    let report = jobs(vec![regular(&plan)]);
    let verified = only(&report);
    assert_eq!(verified.verdict, Verdict::CrashOnly);
    let cause = verified.cause.as_ref().unwrap();
    assert_eq!(cause.cause, "the job ran before VSS was switched on in its plan");
    let line = format!("`vssctl backup {}`", fixture::ID);
    assert_eq!(cause.fix, format!("wait for the plan's next run at 2026-01-15 18:00 UTC, or run {line}"));
    // The plan asks for VSS, and no longer takes the instance: it has no next run.
    let mut evidence = fixture::healthy();
    evidence.jobs = Known::Known(vec![regular(&plan)]);
    fixture::plan(&mut evidence).selections = Known::Known(Vec::new());
    let named = Options { only: BTreeSet::from([fixture::ID.to_owned()]), ..Options::default() };
    let report = verify(&evidence, &named);
    assert!(!only(&report).cause.as_ref().unwrap().fix.contains("2026"), "{report:#?}");
    assert_eq!(only(&report).notes, ["no plan with VSS selects it"]);
}

#[test]
fn what_the_file_means_to_back_up_is_judged_even_if_nothing_was_backed_up_in_aws() {
    let mut evidence = fixture::healthy();
    let selection = fixture::plan(&mut evidence).selections.known().unwrap()[0].clone();
    let plan = fixture::plan(&mut evidence);
    (plan.selections, evidence.jobs) = (Known::Known(Vec::new()), Known::Known(Vec::new()));
    assert!(verify(&evidence, &Options::default()).instances.is_empty());
    let declared = vec![Declared {
        address: "selection.daily.windows".to_owned(),
        plan: "daily".to_owned(),
        selection,
        makes_role: true,
    }];
    let report = verify(&evidence, &Options { declared, ..Options::default() });
    assert_eq!(only(&report).verdict, Verdict::Never);
    assert!(only(&report).notes[0].contains("`selection.daily.windows` of the file means it"), "{report:#?}");
}

#[test]
fn a_snapshot_in_error_proves_nothing() {
    let report = with(|evidence| {
        if let Known::Known(snapshots) = &mut evidence.snapshots {
            snapshots.get_mut("snap-02").unwrap().as_mut().unwrap().state = "error".to_owned();
        }
    });
    assert_eq!(only(&report).verdict, Verdict::CrashOnly);
}

#[test]
fn a_server_of_which_no_plan_wants_vss_is_judged_only_when_asked_for() {
    let edit = |evidence: &mut Evidence| {
        fixture::plan(evidence).windows_vss = false;
        evidence.jobs =
            Known::Known(vec![Job { vss_requested: false, backup_type: None, ..job("j", "2026-01-14T18:00:00Z") }]);
    };
    assert!(with(edit).instances.is_empty());
    let mut evidence = fixture::healthy();
    edit(&mut evidence);
    let options = Options { only: BTreeSet::from([fixture::ID.to_owned()]), ..Options::default() };
    let report = verify(&evidence, &options);
    assert_eq!(only(&report).verdict, Verdict::CrashOnly);
    assert!(only(&report).cause.as_ref().unwrap().fix.contains("windows_vss = true"));
}

#[test]
fn a_linux_machine_in_a_plan_with_vss_is_nobodys_fault() {
    let report = with(|evidence| {
        let tags = fixture::instance(evidence).tags.clone();
        if let Known::Known(instances) = &mut evidence.instances {
            instances.push(Instance {
                id: "i-0linux".to_owned(),
                tags,
                state: "running".to_owned(),
                ..Instance::default()
            });
        }
    });
    assert_eq!(only(&report).verdict, Verdict::Consistent);
}
