//! Selections.

use serde_json::json;

use super::{bench, plan, selection};

#[test]
fn a_selection_reads_back_with_every_list() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    let mut wanted = selection("tagged");
    wanted["Resources"] = json!(["arn:aws:ec2:*:*:instance/*"]);
    wanted["Conditions"] =
        json!({"StringEquals": [{"ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled"}]});
    let input = json!({"BackupPlanId": id, "BackupSelection": wanted, "CreatorRequestId": "s1"});
    let made = bench.ok("CreateBackupSelection", &input);
    assert_eq!(bench.ok("CreateBackupSelection", &input), made);
    let got = bench.ok("GetBackupSelection", &json!({"BackupPlanId": id, "SelectionId": made["SelectionId"]}));
    assert_eq!(got["BackupSelection"]["Conditions"]["StringEquals"][0]["ConditionValue"], "enabled");
    assert_eq!(got["BackupSelection"]["NotResources"], json!([]));
    assert_eq!(got["CreatorRequestId"], "s1");
    // Selection names may repeat.
    bench.ok("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted}));
    assert_eq!(
        bench.ok("ListBackupSelections", &json!({"BackupPlanId": id}))["BackupSelectionsList"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_role_that_backup_cannot_assume_is_refused() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    for role in ["web", "nobody"] {
        let mut wanted = selection("all");
        wanted["IamRoleArn"] = json!(format!("arn:aws:iam::123456789012:role/{role}"));
        let (_, code, message) =
            bench.refused("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted}));
        assert_eq!(code, "InvalidParameterValueException");
        assert!(message.ends_with("cannot be assumed by AWS Backup"), "{message}");
    }
}

#[test]
fn a_selection_of_nothing_is_refused_in_the_words_of_aws() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    let condition = json!({"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "b"});
    for rest in [
        json!({}),
        json!({"Resources": [], "ListOfTags": []}),
        json!({"NotResources": ["arn:aws:s3:::logs"]}),
        json!({"Conditions": {"StringEquals": [condition]}}),
    ] {
        let mut wanted = json!({"SelectionName": "s", "IamRoleArn": selection("s")["IamRoleArn"]});
        wanted.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let (status, code, message) =
            bench.refused("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted}));
        assert_eq!((status, code.as_str()), (400, "InvalidParameterValueException"));
        assert_eq!(message, "Invalid backup selection. Either 'ListOfTags' or 'Resources' section must be non-empty.");
    }
}

#[test]
fn bad_selections_are_refused() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    let tag = json!({"ConditionType": "STRINGEQUALS", "ConditionKey": "k", "ConditionValue": "v"});
    for (change, code) in [
        (json!({"Resources": ["instance"]}), "InvalidParameterValueException"),
        (json!({"Resources": ["arn:aws:s3:::*-logs"]}), "InvalidParameterValueException"),
        (
            json!({"Conditions": {"StringEquals": [{"ConditionKey": "k", "ConditionValue": "v"}]}}),
            "InvalidParameterValueException",
        ),
        (json!({"ListOfTags": vec![tag; 31]}), "LimitExceededException"),
        (json!({"Resources": vec!["arn:aws:ec2:*:*:instance/*"; 31]}), "LimitExceededException"),
        (json!({"SelectionName": "a b"}), "ValidationException"),
    ] {
        let mut wanted = selection("all");
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(
            bench.code("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted})),
            code,
            "{change}"
        );
    }
    assert_eq!(
        bench.code("CreateBackupSelection", &json!({"BackupPlanId": "none", "BackupSelection": selection("all")})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("GetBackupSelection", &json!({"BackupPlanId": "none", "SelectionId": "x"})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("GetBackupSelection", &json!({"BackupPlanId": id, "SelectionId": "x"})),
        "ResourceNotFoundException"
    );
    assert_eq!(
        bench.code("DeleteBackupSelection", &json!({"BackupPlanId": id, "SelectionId": "x"})),
        "ResourceNotFoundException"
    );
    assert_eq!(bench.code("ListBackupSelections", &json!({"BackupPlanId": "none"})), "ResourceNotFoundException");
}

#[test]
fn a_plan_takes_a_hundred_selections() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    for _ in 0..100 {
        bench.ok("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": selection("s")}));
    }
    assert_eq!(
        bench.code("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": selection("s")})),
        "LimitExceededException"
    );
}
