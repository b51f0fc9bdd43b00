//! The saved plan's text, hashes and lifetime.

use super::*;
use crate::model::{Action, Phase};

fn saved(now: &str) -> SavedPlan {
    let plan = Plan {
        format: FORMAT,
        tool: "vssctl".into(),
        scope: Scope {
            stack: "s".into(),
            account_id: "123456789012".into(),
            region: "eu-west-1".into(),
            iam_path: "/".into(),
        },
        config_sha256: "0".into(),
        changes: Vec::new(),
        orphans: Vec::new(),
        steps: Vec::new(),
        diagnostics: Vec::new(),
        security: crate::plan::Security::default(),
        is_targeted: false,
        seen: crate::plan::Seen::default(),
    };
    let occasion = Occasion {
        caller_arn: "arn:aws:iam::123456789012:user/a".into(),
        now: now.parse().expect("a time"),
        lifetime: LIFETIME,
    };
    SavedPlan::new(&plan, &[], &[], &Options::default(), &occasion)
}

#[test]
fn the_checked_in_schema_is_the_one_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/plan.schema.json");
    let current = format!("{}\n", serde_json::to_string_pretty(&schema()).expect("JSON"));
    if std::env::var_os("SNAPSHOTS").is_some_and(|action| action == "overwrite") {
        std::fs::write(path, &current).expect("a file");
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(checked_in == current, "schema/plan.schema.json is stale: vssctl schema --plan > schema/plan.schema.json");
}

#[test]
fn a_plan_is_summed_up_by_what_weighs_most() {
    let empty = saved("2026-01-01T00:00:00Z");
    assert_eq!((empty.verdict, empty.counts), (SavedVerdict::Clean, SavedCounts::default()));
    let change = |action: Action| SavedChange {
        address: "role.a".parse().expect("an address"),
        name: "a".into(),
        action,
        reason: None,
        fields: Vec::new(),
        location: None,
        cause: None,
        settles: Vec::new(),
    };
    let summed = |actions: &[Action], edit: fn(&mut SavedPlan)| {
        let mut plan = saved("2026-01-01T00:00:00Z");
        plan.changes = actions.iter().map(|action| change(*action)).collect();
        edit(&mut plan);
        plan.seal();
        assert_eq!(SavedPlan::parse(&plan.to_text().expect("JSON")), Ok(plan.clone()));
        (plan.verdict, plan.counts)
    };
    let step = |plan: &mut SavedPlan| {
        let address = "role.a".parse().expect("an address");
        let (looks, calls) = (Vec::new(), Vec::new());
        plan.steps =
            vec![SavedStep { id: 0, address, phase: Phase::Ensure, after: vec![], looks, calls, hazards: vec![] }];
    };
    let counts = |plan: (SavedVerdict, SavedCounts)| {
        let SavedCounts { add, change, destroy, refused, unknown, orphans } = plan.1;
        (plan.0, [add, change, destroy, refused, unknown, orphans])
    };
    let all = [Action::Create, Action::Replace, Action::Adopt, Action::Update, Action::Delete, Action::NoOp];
    assert_eq!(counts(summed(&all, step)), (SavedVerdict::Changes, [2, 2, 2, 0, 0, 0]));
    assert_eq!(counts(summed(&[Action::NoOp], |_| ())), (SavedVerdict::Clean, [0; 6]));
    assert_eq!(counts(summed(&[Action::Unknown], |_| ())), (SavedVerdict::Unknown, [0, 0, 0, 0, 1, 0]));
    let both = [Action::Refused, Action::Unknown, Action::Refused];
    assert_eq!(counts(summed(&both, step)), (SavedVerdict::Refused, [0, 0, 0, 2, 1, 0]));
    // A list that could not be read leaves nothing to be sure of; another warning is none of that.
    let blind = |plan: &mut SavedPlan| plan.diagnostics = vec![notice(&Diagnostic::warning("VSS0802", "unread"))];
    assert_eq!(summed(&[Action::NoOp], blind).0, SavedVerdict::Unknown);
    let warned = |plan: &mut SavedPlan| plan.diagnostics = vec![notice(&Diagnostic::warning("VSS0801", "a warning"))];
    assert_eq!(summed(&[Action::NoOp], warned).0, SavedVerdict::Clean);
    let wrong = |plan: &mut SavedPlan| plan.diagnostics = vec![notice(&Diagnostic::error("VSS0801", "an error"))];
    assert_eq!(summed(&[Action::NoOp], wrong).0, SavedVerdict::Unknown);
    let orphan = |plan: &mut SavedPlan| {
        plan.orphans = vec![SavedOrphan {
            address: "role.b".parse().expect("one"),
            name: "b".into(),
            id: "b".into(),
            cause: None,
        }];
    };
    assert_eq!(counts(summed(&[], orphan)), (SavedVerdict::Changes, [0, 0, 0, 0, 0, 1]));
}

#[test]
fn no_sum_that_does_not_fit_is_taken_though_no_digest_covers_it() {
    let plan = saved("2026-01-01T00:00:00Z");
    let edits: [fn(&mut SavedPlan); 3] = [
        |plan| plan.verdict = SavedVerdict::Changes,
        |plan| plan.counts.add = 1,
        |plan| plan.command = "destroy".to_owned(),
    ];
    for (number, edit) in edits.into_iter().enumerate() {
        let mut edited = plan.clone();
        edit(&mut edited);
        edited.integrity = edited.integrity_sum();
        assert_eq!(edited.digest, edited.reviewed_digest(), "the digest does not know it");
        let refused = SavedPlan::parse(&edited.to_text().expect("JSON"));
        assert!(matches!(refused, Err(Refusal::Edited(_))), "edit {number}: {refused:?}");
    }
}

#[test]
fn a_saved_plan_comes_back_as_it_was() {
    let plan = saved("2026-01-01T00:00:00Z");
    let text = plan.to_text().expect("JSON");
    assert_eq!(SavedPlan::parse(&text), Ok(plan));
}

#[test]
fn the_digest_does_not_know_the_time_and_the_integrity_sum_does() {
    let (one, two) = (saved("2026-01-01T00:00:00Z"), saved("2026-01-02T00:00:00Z"));
    assert_eq!(one.digest, two.digest);
    assert_ne!(one.integrity, two.integrity);
    assert!(is_digest(&one.digest) && !is_digest("sha256:12") && !is_digest(&one.digest.to_uppercase()));
}

#[test]
fn every_edit_is_noticed() {
    let text = saved("2026-01-01T00:00:00Z").to_text().expect("JSON");
    for (old, new) in [
        ("\"prune\": false", "\"prune\": true"),
        ("04:00:00Z", "23:00:00Z"),
        ("eu-west-1", "us-east-1"),
        (
            "\"steps\": []",
            "\"steps\": [{\"id\":0,\"address\":\"role.a\",\"phase\":\"ensure\",\"after\":[],\"calls\":[]}]",
        ),
    ] {
        assert!(text.contains(old), "{text}");
        assert!(matches!(SavedPlan::parse(&text.replace(old, new)), Err(Refusal::Edited(_))), "{old}");
    }
    let unknown = text.replacen('{', "{\"more\": 1,", 1);
    assert!(matches!(SavedPlan::parse(&unknown), Err(Refusal::NotOne(_))));
    let twice = text.replacen('{', "{\"steps\": [],", 1);
    assert!(matches!(SavedPlan::parse(&twice), Err(Refusal::NotOne(_))));
    assert_eq!(SavedPlan::parse("{\"format\": 99}"), Err(Refusal::Format(99)));
    assert!(matches!(SavedPlan::parse("nonsense"), Err(Refusal::NotOne(_))));
}

#[test]
fn a_plan_holds_from_its_making_to_its_expiry() {
    let plan = saved("2026-01-01T00:00:00Z");
    let at = |time: &str| plan.check_time(time.parse().expect("a time"));
    assert_eq!(at("2026-01-01T00:00:01Z"), Ok(()));
    // A clock may be a little behind.
    assert_eq!(at("2025-12-31T23:57:00Z"), Ok(()));
    assert!(matches!(at("2025-12-31T23:50:00Z"), Err(Refusal::Future(_))));
    assert_eq!(at("2026-01-01T03:59:59Z"), Ok(()));
    assert!(at("2026-01-01T04:00:00Z").is_err_and(|refusal| refusal.is_stale()));
    let mut longer = plan.clone();
    longer.expires_at = "2026-02-01T00:00:00Z".into();
    longer.seal();
    assert!(matches!(longer.check_time("2026-01-01T00:00:01Z".parse().expect("a time")), Err(Refusal::Edited(_))));
}
