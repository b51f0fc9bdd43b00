//! Copies into other vaults: what `doctor` and `verify` say of them, on accounts with one fault each. A backup is as
//! consistent as it is, whatever becomes of its copy.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vssctl::vss::doctor::{Finding, Severity};
use vssctl::vss::verify::Verdict;

use crate::bench::Bench;
use crate::doctor::KEY;
use crate::proof::{BY_TYPE, REGION, Seen, file, healthy, nights, see};

const HERE: &str = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:far";
const OSAKA: &str = "arn:aws:backup:ap-northeast-3:123456789012:backup-vault:far";
const CENTRAL: &str = "arn:aws:backup:ap-northeast-1:210987654321:backup-vault:central";

/// A healthy account whose nightly rule copies into a vault, once what makes the vault has been done.
fn copying(vault: &str, make: impl FnOnce(&Bench)) -> Bench {
    let bench = healthy(BY_TYPE);
    make(&bench);
    let copy = format!(
        "delete_after    = \"35d\"\n\n[[plan.daily.rule.nightly.copy_actions]]\nvault = \"{vault}\"\ndelete_after = \
         \"35d\""
    );
    bench.apply(&file(BY_TYPE).replace("delete_after    = \"35d\"", &copy));
    bench
}

fn vault(bench: &Bench, region: &str, more: &Value) {
    let mut input = json!({ "BackupVaultName": "far" });
    for (member, value) in more.as_object().into_iter().flatten() {
        input[member] = value.clone();
    }
    bench.sandbox.call("backup", "CreateBackupVault", region, &input).expect("a vault");
}

fn set_key(bench: &Bench, state: &str) {
    let edited = bench.sandbox.edit(|account| {
        let keys = &mut account.regions.get_mut(REGION).expect("the region").kms.keys;
        state.clone_into(&mut keys.get_mut(KEY).expect("the key").state);
    });
    edited.expect("a sandbox in memory");
}

/// The findings of `D027`, which must be all that there are.
fn found(seen: &Seen) -> Vec<&Finding> {
    let checks: BTreeSet<&str> = seen.doctor.findings.iter().map(|finding| finding.check).collect();
    assert!(checks.is_subset(&BTreeSet::from(["D027"])), "{:#?}", seen.doctor.findings);
    seen.doctor.findings.iter().collect()
}

fn notes(seen: &Seen) -> Vec<&String> {
    seen.verify.instances.iter().flat_map(|one| &one.notes).collect()
}

/// After two nights there is one finding with these words, `verify` has the words of `note` about both servers, and all
/// backups are as consistent as ever.
fn fails(bench: &Bench, problem: &str, evidence: &str, remedy: &str, note: &str) {
    nights(bench);
    let seen = see(bench, false);
    let [finding] = found(&seen)[..] else { panic!("{problem}: {:#?}", seen.doctor.findings) };
    assert_eq!(finding.severity, Severity::Warning, "{problem}");
    assert_eq!(finding.subject.title(), "plan daily", "{problem}");
    assert!(finding.problem.contains(problem), "{problem}: {finding:#?}");
    assert!(finding.evidence.iter().any(|line| line.contains(evidence)), "{evidence}: {finding:#?}");
    assert!(finding.remedy.contains(remedy), "{remedy}: {finding:#?}");
    assert_eq!(seen.verify.count(Verdict::Consistent), 2, "{problem}");
    assert_eq!(notes(&seen).iter().filter(|said| said.contains(note)).count(), 2, "{note}: {:#?}", notes(&seen));
}

/// After another night nothing is left to say.
fn is_well(bench: &Bench, what: &str) {
    nights(bench);
    let seen = see(bench, false);
    assert_eq!(seen.doctor.findings, [], "{what}");
    assert!(!seen.doctor.has_unknown() && !seen.verify.has_unknown(), "{what}: {:#?}", seen.doctor.undecided);
    assert_eq!(notes(&seen), [""; 0], "{what}");
    assert!(seen.verify.instances.iter().all(|one| one.copies.len() == 1), "{what}");
}

#[test]
fn copies_that_are_made_are_nobodys_fault_and_are_recovery_points_of_their_vault() {
    for (region, arn) in [(REGION, HERE), ("ap-northeast-3", OSAKA)] {
        let bench = copying(arn, |bench| vault(bench, region, &json!({})));
        is_well(&bench, arn);
        let input = json!({ "BackupVaultName": "far" });
        let points = bench.sandbox.call("backup", "ListRecoveryPointsByBackupVault", region, &input).expect("points");
        assert_eq!(points["RecoveryPoints"].as_array().map(Vec::len), Some(4), "{points:#}");
        let jobs =
            bench.call("backup", "ListCopyJobs", &json!({ "ByState": "COMPLETED", "ByDestinationVaultArn": arn }));
        assert_eq!(jobs["CopyJobs"].as_array().map(Vec::len), Some(4), "{jobs:#}");
        let id = jobs["CopyJobs"][0]["CopyJobId"].clone();
        let one = bench.call("backup", "DescribeCopyJob", &json!({ "CopyJobId": id }));
        assert_eq!(one["CopyJob"], jobs["CopyJobs"][0]);
    }
}

#[test]
fn a_vault_that_is_gone_is_named_and_its_making_heals() {
    let bench = copying(HERE, |bench| vault(bench, REGION, &json!({})));
    bench.call("backup", "DeleteBackupVault", &json!({ "BackupVaultName": "far" }));
    let before = see(&bench, false);
    assert_eq!(found(&before).len(), 1, "{:#?}", before.doctor.findings);
    fails(&bench, "its vault far does not exist", HERE, "[vault.far]", "cannot be found");
    vault(&bench, REGION, &json!({}));
    is_well(&bench, "the vault is there again");
}

#[test]
fn a_key_of_the_vault_that_does_not_work_is_named_and_enabling_it_heals() {
    let bench = copying(HERE, |bench| vault(bench, REGION, &json!({ "EncryptionKeyArn": KEY })));
    is_well(&bench, "the key works");
    for (state, remedy) in [("Disabled", "enable-key"), ("PendingDeletion", "cancel-key-deletion")] {
        set_key(&bench, state);
        fails(&bench, "the key of its vault far does not work", state, remedy, "Given key ID is not accessible");
        set_key(&bench, "Enabled");
        is_well(&bench, state);
    }
}

#[test]
fn a_key_that_may_not_be_read_is_undecided_and_one_that_is_gone_is_known_to_be() {
    let bench = copying(HERE, |bench| vault(bench, REGION, &json!({ "EncryptionKeyArn": KEY })));
    let edited = bench.sandbox.edit(|account| {
        account.regions.get_mut(REGION).expect("the region").kms.keys.remove(KEY);
    });
    edited.expect("a sandbox in memory");
    fails(&bench, "the key of its vault far does not work", "KeyState Deleted", "copy to a vault", "Given key ID");
    bench.deny("kms", "DescribeKey");
    let seen = see(&bench, false);
    assert!(seen.doctor.undecided.iter().any(|one| one.check == "D027"), "{:#?}", seen.doctor.undecided);
}

#[test]
fn another_regions_vault_is_unknown_before_the_first_copy_and_named_after_it() {
    let bench = copying(OSAKA, |bench| vault(bench, "ap-northeast-3", &json!({})));
    let gone =
        bench.sandbox.call("backup", "DeleteBackupVault", "ap-northeast-3", &json!({ "BackupVaultName": "far" }));
    gone.expect("an empty vault");
    let before = see(&bench, false);
    let [finding] = found(&before)[..] else { panic!("{:#?}", before.doctor.findings) };
    assert_eq!(finding.severity, Severity::Advice);
    assert!(!before.doctor.has_findings() && !before.doctor.has_unknown(), "{:#?}", before.doctor.undecided);
    fails(&bench, "cannot be found", "copy job", &format!("make {OSAKA} there"), "cannot be found");
    vault(&bench, "ap-northeast-3", &json!({}));
    is_well(&bench, "the vault is there");
}

#[test]
fn another_account_outside_the_organization_is_named_in_awss_words() {
    let bench = copying(CENTRAL, |_| ());
    fails(&bench, "member of the same organization", CENTRAL, "one organization", "member of the same organization");
}

#[test]
fn a_lock_of_the_vault_and_a_role_that_may_not_copy_are_named_in_awss_words() {
    let bench = copying(HERE, |bench| vault(bench, REGION, &json!({})));
    let lock = json!({ "BackupVaultName": "far", "MinRetentionDays": 90 });
    bench.call("backup", "PutBackupVaultLockConfiguration", &lock);
    fails(&bench, "not within the range", "copy job", "`delete_after`", "not within the range");
    bench.call("backup", "DeleteBackupVaultLockConfiguration", &json!({ "BackupVaultName": "far" }));
    is_well(&bench, "the lock is off");
    let no = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": "backup:CopyIntoBackupVault", "Resource": "*" }] });
    let input = json!({ "RoleName": "AWSBackupVss", "PolicyName": "no", "PolicyDocument": no.to_string() });
    bench.call("iam", "PutRolePolicy", &input);
    fails(&bench, "Access Denied", "copy job", "CopyIntoBackupVault", "Access Denied");
    bench.call("iam", "DeleteRolePolicy", &json!({ "RoleName": "AWSBackupVss", "PolicyName": "no" }));
    is_well(&bench, "the role may copy");
}

#[test]
fn a_copy_that_was_never_started_is_missing_and_not_where_the_plan_did_not_ask_for_it() {
    let bench = copying(HERE, |bench| vault(bench, REGION, &json!({})));
    nights(&bench);
    let edited = bench.sandbox.edit(|account| {
        account.regions.get_mut(REGION).expect("the region").backup.copies.clear();
    });
    edited.expect("a sandbox in memory");
    let seen = see(&bench, false);
    let [finding] = found(&seen)[..] else { panic!("{:#?}", seen.doctor.findings) };
    assert!(finding.problem.contains("were not copied"), "{finding:#?}");
    assert!(finding.remedy.contains("list-copy-jobs"), "{finding:#?}");
    assert_eq!(notes(&seen).iter().filter(|said| said.contains("has started no copy job")).count(), 2);
    is_well(&bench, "the next run copies");
    // The backups of before the rule had its copy action have none, and rightly so.
    let late = healthy(BY_TYPE);
    nights(&late);
    vault(&late, REGION, &json!({}));
    let copy = format!("delete_after    = \"35d\"\ncopy_actions = [{{ vault = \"{HERE}\", delete_after = \"35d\" }}]");
    late.apply(&file(BY_TYPE).replace("delete_after    = \"35d\"", &copy));
    assert_eq!(see(&late, false).doctor.findings, []);
}

#[test]
fn copy_jobs_that_may_not_be_read_are_undecided_and_leave_the_verdict_alone() {
    let bench = copying(HERE, |bench| vault(bench, REGION, &json!({})));
    nights(&bench);
    bench.deny("backup", "ListCopyJobs");
    let seen = see(&bench, false);
    assert_eq!(seen.doctor.findings, []);
    let undecided: Vec<_> = seen.doctor.undecided.iter().map(|one| (one.check, one.reason.as_str())).collect();
    assert!(matches!(undecided[..], [("D027", reason)] if reason.starts_with("backup:ListCopyJobs")), "{undecided:?}");
    assert_eq!(seen.verify.count(Verdict::Consistent), 2);
    assert!(!seen.verify.has_unknown());
    assert_eq!(notes(&seen), ["its copies could not be read: allow `backup:ListCopyJobs`"; 2]);
}

#[test]
fn copy_jobs_are_read_only_where_a_rule_asks_for_copies() {
    for (bench, reads) in [(healthy(BY_TYPE), 0), (copying(HERE, |bench| vault(bench, REGION, &json!({}))), 1)] {
        bench.forget_requests();
        see(&bench, false);
        assert_eq!(bench.requests().iter().filter(|request| *request == "backup:ListCopyJobs").count(), reads);
    }
}
