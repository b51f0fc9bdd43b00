//! The executor over scripted answers.

use crate::model::KindId;
use crate::model::Operation;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::*;
use crate::aws::AwsError;
use crate::model::Phase;
use crate::model::PlannedCall;
use crate::model::Scope;
use crate::model::call::output;
use crate::plan::Change;

/// Answers from a script and remembers what it was sent.
#[derive(Default)]
struct Script {
    answers: Mutex<BTreeMap<String, Vec<Result<Value, ErrorKind>>>>,
    sent: Mutex<Vec<(String, Value)>>,
}

impl Script {
    fn answer(self, action: &str, answers: Vec<Result<Value, ErrorKind>>) -> Self {
        self.answers.lock().expect("no poison").insert(action.to_owned(), answers);
        self
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().expect("no poison").iter().map(|(action, _)| action.clone()).collect()
    }
}

impl Perform for Script {
    fn perform<'a>(&'a self, _kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        self.sent.lock().expect("no poison").push((call.action().to_owned(), call.input.clone()));
        let mut answers = self.answers.lock().expect("no poison");
        let queue = answers.entry(call.action().to_owned()).or_default();
        let answer = if queue.is_empty() { Ok(Value::Null) } else { queue.remove(0) };
        let error = |kind| AwsError {
            code: (kind == ErrorKind::NotFound).then(|| "NoSuchEntity".to_owned()),
            kind,
            ..AwsError::rejected("x", call.action(), "scripted")
        };
        Box::pin(std::future::ready(answer.map_err(error)))
    }
}

/// An address, the steps it waits for, and its calls.
type Row<'a> = (&'a str, &'a [usize], &'a [(&'a str, Value)]);

fn plan(steps: &[Row<'_>]) -> Plan {
    let address = |text: &str| text.parse::<Address>().expect("an address");
    let change = |text: &str| Change {
        address: address(text),
        name: String::new(),
        action: Action::Create,
        reason: None,
        fields: Vec::new(),
        location: None,
        cause: None,
        settles: Vec::new(),
        told: crate::plan::Told::default(),
    };
    Plan {
        format: 1,
        tool: String::new(),
        scope: Scope { stack: "s".into(), account_id: "1".into(), region: "r".into(), iam_path: "/".into() },
        config_sha256: String::new(),
        changes: steps.iter().map(|(text, _, _)| change(text)).collect(),
        orphans: Vec::new(),
        steps: steps
            .iter()
            .enumerate()
            .map(|(id, (text, after, calls))| Step {
                id,
                address: address(text),
                phase: Phase::Ensure,
                after: after.to_vec(),
                looks: Vec::new(),
                calls: calls
                    .iter()
                    .map(|(action, input)| {
                        PlannedCall::new(Operation::find(action).expect("an operation"), input.clone())
                    })
                    .collect(),
                hazards: Vec::new(),
            })
            .collect(),
        diagnostics: Vec::new(),
        security: crate::plan::Security::default(),
        is_targeted: false,
        seen: crate::plan::Seen::default(),
    }
}

async fn carry_out(script: &Script, plan: &Plan, stopped: bool) -> Report {
    let (events, _kept) = mpsc::unbounded_channel();
    let (_sender, stop) = watch::channel(stopped);
    let (pace, read) = (Duration::from_millis(1), Instant::now());
    run(script, plan, &Options { parallelism: 4, pace, stop, read }, &events).await
}

#[tokio::test]
async fn an_output_reaches_the_call_that_needs_it() {
    let of = Address::new(KindId::Plan, "a");
    let plan = plan(&[
        ("plan.a", &[], &[("backup:CreateBackupPlan", json!({}))]),
        (
            "selection.a.w",
            &[0],
            &[("backup:CreateBackupSelection", json!({"BackupPlanId": output(&of, "BackupPlanId")}))],
        ),
    ]);
    let script = Script::default().answer("backup:CreateBackupPlan", vec![Ok(json!({"BackupPlanId": "p-1"}))]);
    let report = carry_out(&script, &plan, false).await;
    assert!(report.is_complete());
    assert_eq!(script.sent.lock().expect("no poison")[1].1, json!({"BackupPlanId": "p-1"}));
}

#[tokio::test]
async fn a_failure_skips_what_depends_on_it_and_nothing_else() {
    let plan = plan(&[
        ("role.a", &[], &[("iam:CreateRole", json!({}))]),
        ("selection.p.w", &[0], &[("backup:CreateBackupSelection", json!({}))]),
        ("vault.v", &[], &[("backup:CreateBackupVault", json!({}))]),
    ]);
    let script = Script::default().answer("iam:CreateRole", vec![Err(ErrorKind::AccessDenied)]);
    let report = carry_out(&script, &plan, false).await;
    assert_eq!(report.counts(), (1, 1, 0, 1));
    assert!(!script.sent().contains(&"backup:CreateBackupSelection".to_owned()));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_is_not_sent_again() {
    let plan = plan(&[("package.p", &[], &[("ssm:CreateAssociation", json!({}))])]);
    let script = Script::default().answer("ssm:CreateAssociation", vec![Err(ErrorKind::Unsettled)]);
    let report = carry_out(&script, &plan, false).await;
    assert_eq!(report.counts(), (0, 0, 1, 0));
    assert_eq!(script.sent().len(), 1);
}

#[tokio::test]
async fn a_role_that_is_not_visible_yet_is_waited_for() {
    let plan = plan(&[("selection.p.w", &[], &[("backup:CreateBackupSelection", json!({}))])]);
    let script = Script::default().answer(
        "backup:CreateBackupSelection",
        vec![Err(ErrorKind::Propagating), Err(ErrorKind::Propagating), Ok(Value::Null)],
    );
    assert!(carry_out(&script, &plan, false).await.is_complete());
    assert_eq!(script.sent().len(), 3);
}

#[tokio::test]
async fn what_is_gone_already_counts_as_deleted() {
    let plan = plan(&[("role.a", &[], &[("iam:DeleteRole", json!({}))])]);
    let script = Script::default().answer("iam:DeleteRole", vec![Err(ErrorKind::NotFound)]);
    assert!(carry_out(&script, &plan, false).await.is_complete());
}

/// One step of two calls that looks at its role.
fn looking(calls: &[(&str, Value)]) -> Plan {
    let mut plan = plan(&[("role.a", &[], calls)]);
    plan.steps[0].looks = vec![PlannedCall::new(Operation::GetRole, json!({ "RoleName": "a" }))];
    plan
}

#[tokio::test]
async fn a_look_comes_right_before_each_write_that_gives_privileges() {
    let plan = looking(&[
        ("iam:UpdateRole", json!({})),
        ("iam:AttachRolePolicy", json!({})),
        ("iam:PutRolePolicy", json!({})),
    ]);
    let throttled = vec![Err(ErrorKind::Throttled), Ok(Value::Null)];
    let found = vec![Ok(json!({})); 9];
    let script = Script::default().answer("iam:AttachRolePolicy", throttled).answer("iam:GetRole", found);
    let report = carry_out(&script, &plan, false).await;
    assert!(report.is_complete());
    let expected = [
        "iam:UpdateRole",
        "iam:GetRole",
        "iam:AttachRolePolicy",
        // What is sent again is looked at again: AWS may have taken its time.
        "iam:GetRole",
        "iam:AttachRolePolicy",
        "iam:GetRole",
        "iam:PutRolePolicy",
    ];
    assert_eq!(script.sent(), expected);
    assert_eq!((report.calls, report.looks), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn other_writes_are_looked_at_once_what_the_plan_saw_is_older_than_ten_seconds() {
    for (seconds, looks) in [(9, 0), (11, 1)] {
        let plan = looking(&[("iam:UpdateRole", json!({})), ("iam:UpdateRole", json!({}))]);
        let script = Script::default().answer("iam:GetRole", vec![Ok(json!({}))]);
        let (events, _kept) = mpsc::unbounded_channel();
        let (_sender, stop) = watch::channel(false);
        let (pace, read) = (Duration::from_millis(1), Instant::now());
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let report = run(&script, &plan, &Options { parallelism: 4, pace, stop, read }, &events).await;
        assert!(report.is_complete());
        assert_eq!((report.calls, report.looks), (2, looks), "after {seconds} s");
    }
}

#[tokio::test]
async fn a_look_that_finds_another_object_ends_the_step_before_anything_is_written() {
    let plan = looking(&[("iam:AttachRolePolicy", json!({})), ("iam:PutRolePolicy", json!({}))]);
    let script = Script::default().answer("iam:GetRole", vec![Err(ErrorKind::Rejected)]);
    let report = carry_out(&script, &plan, false).await;
    assert_eq!(report.counts(), (0, 1, 0, 0));
    assert_eq!(script.sent(), ["iam:GetRole"]);
}

#[tokio::test]
async fn what_is_gone_is_deleted_already_and_can_t_be_changed() {
    let gone = || Script::default().answer("iam:GetRole", vec![Ok(Value::Null); 3]);
    let (deletes, script) = (looking(&[("iam:DetachRolePolicy", json!({})), ("iam:DeleteRole", json!({}))]), gone());
    assert!(carry_out(&script, &deletes, false).await.is_complete());
    assert_eq!(script.sent(), ["iam:GetRole", "iam:GetRole"]);
    let (changes, script) = (looking(&[("iam:AttachRolePolicy", json!({}))]), gone());
    let report = carry_out(&script, &changes, false).await;
    assert_eq!(report.counts(), (0, 1, 0, 0));
    assert_eq!(script.sent(), ["iam:GetRole"]);
}

/// Asks to stop when a call is made.
struct Stopping(Operation, watch::Sender<bool>);

impl Perform for Stopping {
    fn perform<'a>(&'a self, _kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        if call.operation == self.0 {
            let _ = self.1.send(true);
        }
        Box::pin(std::future::ready(Ok(Value::Null)))
    }
}

#[tokio::test]
async fn a_step_that_was_stopped_in_the_middle_is_partial_and_says_what_exists() {
    let plan = plan(&[
        ("role.a", &[], &[("iam:CreateRole", json!({})), ("iam:AttachRolePolicy", json!({}))]),
        ("vault.v", &[0], &[("backup:CreateBackupVault", json!({}))]),
    ]);
    let (events, mut told) = mpsc::unbounded_channel();
    let (sender, stop) = watch::channel(false);
    let (pace, read) = (Duration::from_millis(1), Instant::now());
    let options = Options { parallelism: 4, pace, stop, read };
    let report = run(&Stopping(Operation::CreateRole, sender), &plan, &options, &events).await;
    assert!(report.interrupted && !report.is_complete() && report.has_made());
    assert_eq!((report.counts(), report.partial()), ((0, 0, 0, 1), 1));
    let role = &report.outcomes[0];
    assert!(matches!(role.status, Status::Partial { .. }), "{role:?}");
    assert_eq!((role.made.as_slice(), role.left()), (&[Operation::CreateRole][..], vec![Operation::AttachRolePolicy]));
    let stopped = std::iter::from_fn(|| told.try_recv().ok())
        .find_map(|event| if let Event::Stopped { made, of, .. } = event { Some((made, of)) } else { None });
    assert_eq!(stopped, Some((1, 2)));
}

#[tokio::test]
async fn a_call_is_not_sent_without_the_output_that_it_needs() {
    let of = Address::new(KindId::Plan, "a");
    let plan = plan(&[
        ("plan.a", &[], &[("backup:CreateBackupPlan", json!({}))]),
        (
            "selection.a.w",
            &[0],
            &[("backup:CreateBackupSelection", json!({"BackupPlanId": output(&of, "BackupPlanId")}))],
        ),
    ]);
    // AWS answered, and the answer lacks the id.
    let script = Script::default().answer("backup:CreateBackupPlan", vec![Ok(json!({"BackupPlanId": null}))]);
    let report = carry_out(&script, &plan, false).await;
    assert_eq!(script.sent(), ["backup:CreateBackupPlan"]);
    let Status::Failed { error, .. } = &report.outcomes[1].status else { panic!("{:?}", report.outcomes) };
    assert!(error.message.contains("had the `BackupPlanId` of `plan.a`"), "{error}");
}

#[tokio::test]
async fn a_step_that_failed_in_the_middle_says_what_exists() {
    let plan = plan(&[("role.a", &[], &[("iam:CreateRole", json!({})), ("iam:AttachRolePolicy", json!({}))])]);
    let script = Script::default().answer("iam:AttachRolePolicy", vec![Err(ErrorKind::Rejected)]);
    let report = carry_out(&script, &plan, false).await;
    assert_eq!((report.counts(), report.partial(), report.has_made()), ((0, 1, 0, 0), 0, true));
    assert_eq!(report.outcomes[0].left(), [Operation::AttachRolePolicy]);
}

/// Takes no call that was sent before the credentials were renewed, and has others once.
#[derive(Default)]
struct Expiring {
    renewed: Mutex<u32>,
    sent: Mutex<u32>,
}

impl Perform for Expiring {
    fn perform<'a>(&'a self, _kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        Box::pin(async move {
            let signed_with = *self.renewed.lock().expect("no poison");
            *self.sent.lock().expect("no poison") += 1;
            tokio::task::yield_now().await;
            if signed_with > 0 {
                return Ok(Value::Null);
            }
            Err(AwsError { kind: ErrorKind::Credentials, ..AwsError::rejected("x", call.action(), "expired") })
        })
    }

    fn renew(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            tokio::task::yield_now().await;
            let mut renewed = self.renewed.lock().expect("no poison");
            *renewed += 1;
            // Asked again, the source gives what it gave before.
            *renewed == 1
        })
    }
}

#[tokio::test]
async fn calls_that_were_in_flight_when_the_credentials_ended_are_all_sent_again() {
    let plan = plan(&[
        ("role.a", &[], &[("iam:CreateRole", json!({}))]),
        ("role.b", &[], &[("iam:CreateRole", json!({}))]),
        ("vault.v", &[], &[("backup:CreateBackupVault", json!({}))]),
    ]);
    let expiring = Expiring::default();
    let (events, _kept) = mpsc::unbounded_channel();
    let (_sender, stop) = watch::channel(false);
    let (pace, read) = (Duration::from_millis(1), Instant::now());
    let options = Options { parallelism: 4, pace, stop, read };
    let report = run(&expiring, &plan, &options, &events).await;
    assert!(report.is_complete(), "{:?}", report.outcomes);
    assert_eq!((*expiring.sent.lock().expect("no poison"), *expiring.renewed.lock().expect("no poison")), (6, 1));
}

#[tokio::test]
async fn a_run_that_is_stopped_sends_nothing_more() {
    let plan = plan(&[("role.a", &[], &[("iam:CreateRole", json!({}))])]);
    let script = Script::default();
    let report = carry_out(&script, &plan, true).await;
    assert!(report.interrupted && script.sent().is_empty());
    assert_eq!(report.counts(), (0, 0, 0, 1));
}
