//! Quotas that a plan goes beyond are warnings beforehand, and cost a call only where a default is not enough.

use std::fmt::Write as _;

use serde_json::json;
use vssctl::model::Severity;
use vssctl::plan::{Plan, Verdict};

use crate::bench::{Bench, STACK};

/// Writes a file of so many vaults and plans.
fn vaults(count: usize) -> String {
    let mut text = STACK.to_owned();
    for number in 0..count {
        let _ = write!(
            text,
            "[vault.v{number}]\n[plan.p{number}]\nwindows_vss = true\n[plan.p{number}.rule.daily]\nvault = \
             \"v{number}\"\nschedule = \"cron(0 5 ? * * *)\"\ndelete_after = \"35d\"\n"
        );
    }
    text
}

/// Two roles with their profiles, and a policy.
fn roles() -> String {
    let document =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}}"#;
    format!(
        "{STACK}[role.a]\npreset = \"vss-instance\"\n[role.b]\npreset = \"vss-instance\"\n[policy.p]\ndocument = \
         '{document}'\n"
    )
}

/// Gives the account so many roles and profiles of others, and sets its quotas.
pub(crate) fn fill(bench: &Bench, count: usize, raised: &[(&str, usize)]) {
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}});
    bench.call("iam", "CreateRole", &json!({"RoleName": "other", "AssumeRolePolicyDocument": trust.to_string()}));
    bench.call("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "other"}));
    let edited = bench.sandbox.edit(|account| {
        let iam = &mut account.iam;
        let (role, profile) = (iam.roles["other"].clone(), iam.profiles["other"].clone());
        for number in 1..count {
            let name = format!("other{number}");
            let (mut role, mut profile) = (role.clone(), profile.clone());
            for (arn, id) in [(&mut role.arn, &mut role.id), (&mut profile.arn, &mut profile.id)] {
                let _ = (write!(arn, "{number}"), write!(id, "{number}"));
            }
            (role.name, profile.name) = (name.clone(), name.clone());
            iam.roles.insert(name.clone(), role);
            iam.profiles.insert(name, profile);
        }
        iam.raised = raised.iter().map(|(name, quota)| ((*name).to_owned(), *quota)).collect();
    });
    edited.expect("memory");
}

fn said(plan: &Plan) -> Vec<&str> {
    assert_eq!(plan.verdict(), Verdict::Clean, "{:#?}", plan.diagnostics);
    let quotas = plan.diagnostics.iter().filter(|it| it.code == "VSS0923");
    quotas
        .map(|it| {
            assert_eq!(it.severity, Severity::Warning);
            it.message.as_str()
        })
        .collect()
}

fn summaries(bench: &Bench) -> usize {
    bench.requests().iter().filter(|request| *request == "iam:GetAccountSummary").count()
}

#[test]
fn more_vaults_and_plans_than_a_region_takes_by_default_are_told_with_those_of_others() {
    let bench = Bench::new();
    assert_eq!(said(&bench.plan(&vaults(300))), [""; 0]);
    bench.call("backup", "CreateBackupVault", &json!({"BackupVaultName": "theirs"}));
    let plan = bench.plan(&vaults(300));
    let expected =
        "the plan makes 300 backup vaults, and `ap-northeast-1` has 1: that is 301, and AWS allows 300 by default";
    assert_eq!(said(&plan), [expected]);
    let help = plan.diagnostics.iter().find(|it| it.code == "VSS0923").expect("a warning").help.join("\n");
    assert!(help.contains("or 1 of them will fail") && help.contains("adjustable"), "{help}");
    let plan = bench.plan(&vaults(500));
    let messages = said(&plan);
    assert!(messages.len() == 2 && messages[1].contains("500 backup plans"), "{messages:?}");
    assert_eq!(summaries(&bench), 0, "IAM has nothing to do with it");
}

#[test]
fn what_stands_already_makes_nothing_more() {
    let bench = Bench::new();
    fill(&bench, 998, &[]);
    bench.apply(&roles());
    assert_eq!(said(&bench.plan(&roles())), [""; 0]);
    assert_eq!(summaries(&bench), 0, "1,000 are within the quota");
}

#[test]
fn iam_s_own_quota_counts_where_the_default_is_not_enough_and_a_denial_leaves_the_default() {
    let bench = Bench::new();
    fill(&bench, 999, &[]);
    bench.forget_requests();
    let plan = bench.plan(&roles());
    let title = |title| format!("the plan makes 2 {title}s, and the account has 999: that is 1001, and ");
    let expected = [title("IAM role"), title("IAM instance profile")];
    let own = expected.each_ref().map(|start| format!("{start}the quota of the account is 1000"));
    assert_eq!(said(&plan), own);
    assert_eq!(summaries(&bench), 1);

    bench.deny("iam", "GetAccountSummary");
    let plan = bench.plan(&roles());
    let default = expected.each_ref().map(|start| format!("{start}AWS allows 1000 by default"));
    assert_eq!(said(&plan), default);
    assert!(plan.diagnostics[0].help[1].contains("`iam:GetAccountSummary`"), "{:#?}", plan.diagnostics);

    let bench = Bench::new();
    fill(&bench, 999, &[("RolesQuota", 5000), ("InstanceProfilesQuota", 1001)]);
    assert_eq!(said(&bench.plan(&roles())), [""; 0]);
    bench.apply(&roles());
}
