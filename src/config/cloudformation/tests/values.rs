//! Texts, numbers and truth values, as CloudFormation and YAML 1.1 read them.

use super::*;
use crate::config::cloudformation::document;
use crate::config::cloudformation::solved::Text;

fn vault(properties: &str) -> String {
    format!(
        "Resources:\n  Vault:\n    Type: AWS::Backup::BackupVault\n    Properties:\n      BackupVaultName: \
            vss\n{properties}"
    )
}

#[test]
fn a_text_without_quotes_is_taken_as_it_is_written() {
    let template = vault(
        "      BackupVaultTags: {cost: 00815, keep: yes, ratio: 1.50, big: 12345678901234567890, truth: True, \
            octal: 0815, \
         time: 22:30, hex: 0x1F, day: 2024-02-29}\n      AccessPolicy:\n        Version: 2012-10-17\n        \
         Statement:\n          \
         - Effect: Allow\n            Principal: {AWS: [!Join ['', ['arn:aws:iam::', 098765432109, ':root']], \
         012345678901]}\n            \
         Action: backup:CopyIntoBackupVault\n            Resource: '*'\n",
    );
    let taken = taken(&template);
    let tags = taken.is_all().entry("vault.vss")["tags"].clone();
    for (key, text) in [
        ("cost", "00815"),
        ("keep", "yes"),
        ("ratio", "1.50"),
        ("big", "12345678901234567890"),
        ("truth", "true"),
        ("octal", "0815"),
        ("time", "22:30"),
        ("hex", "0x1F"),
        ("day", "2024-02-29"),
    ] {
        assert_eq!(tags[key], text, "{tags}");
    }
    let policy = taken.entry("vault.vss")["access_policy"].to_string();
    assert!(policy.contains("098765432109") && policy.contains("012345678901"), "{policy}");
    // What YAML 1.1 takes for something else is named.
    for (key, read) in [("keep", "true"), ("ratio", "1.5"), ("time", "1350"), ("hex", "31")] {
        let message = format!("`BackupVaultTags/{key}` of `Vault` is taken as it is written");
        let found = taken.imported.diagnostics.iter().find(|one| one.message.starts_with(&message));
        let label = found.and_then(|one| one.label.clone()).unwrap_or_default();
        assert_eq!(label, format!("`{read}` for YAML 1.1"), "{}", taken.said());
    }
    assert_eq!(taken.said().matches("VSS1113").count(), 4, "{}", taken.said());
}

#[test]
fn numbers_and_truth_values_are_converted_with_or_without_quotes() {
    let number = |text: &str, is_plain: bool| Text::new(text, is_plain).number();
    for (text, plain, quoted) in [
        ("60", Some(60), Some(60)),
        ("010", Some(8), Some(10)),
        ("08", Some(8), Some(8)),
        ("0x1f", Some(31), None),
        ("0b11", Some(3), None),
        ("1_000", Some(1000), None),
        ("1:30", Some(90), None),
        ("0", Some(0), Some(0)),
        ("-1", None, None),
        ("1.5", None, None),
        ("", None, None),
        ("+5", None, None),
        ("99999999999", None, None),
        ("6O", None, None),
    ] {
        assert_eq!((number(text, true), number(text, false)), (plain, quoted), "{text}");
    }
    let flag = |text: &str, is_plain: bool| Text::new(text, is_plain).flag();
    for (text, plain, quoted) in [
        ("true", Some(true), Some(true)),
        ("False", Some(false), Some(false)),
        ("yes", Some(true), None),
        ("OFF", Some(false), None),
        ("1", None, None),
    ] {
        assert_eq!((flag(text, true), flag(text, false)), (plain, quoted), "{text}");
    }
    for text in ["yes", "010", "0x1f", "1_000", "1:30", "1.50"] {
        assert!(Text::new(text, true).misread().is_some() && Text::new(text, false).misread().is_none(), "{text}");
    }
    for text in ["true", "True", "10", "08", "0", "1.5", "text", "1.2.3", "007x", "2024-02-29", "12345678901234567890"]
    {
        assert_eq!(Text::new(text, true).misread(), None, "{text}");
    }
}

#[test]
fn properties_of_a_plan_and_an_association_are_converted() {
    let template = "Resources:\n  P:\n    Type: AWS::Backup::BackupPlan\n    Properties: {BackupPlan: \
        {BackupPlanName: daily, \
                    BackupPlanRule: [{RuleName: n, TargetBackupVault: Default, EnableContinuousBackup: 'FALSE', \
                    StartWindowMinutes: '60', CompletionWindowMinutes: 8:00, Lifecycle: {DeleteAfterDays: \
                    '035'}}]}}\n  A:\n    \
                    Type: AWS::SSM::Association\n    Properties: {AssociationName: vss, Name: AWS-ConfigureAWSPackage, \
                    Parameters: {action: [Install], name: AwsVssComponents}, ScheduleExpression: cron(0 2 ? * SUN *), \
                    ApplyOnlyAtCronInterval: 'true', ScheduleOffset: '2', MaxErrors: 10, MaxConcurrency: '5', Targets: \
                    [{Key: 'tag:V', Values: [007]}]}\n";
    let taken = taken(template);
    let rule = taken.is_all().entry("plan.daily")["rule"]["n"].clone();
    assert_eq!(
        (&rule["start_window"], &rule["complete_window"], &rule["delete_after"]),
        (&"1h".into(), &"8h".into(), &"35d".into())
    );
    assert!(rule["enable_continuous_backup"].is_null() || rule["enable_continuous_backup"] == false, "{rule}");
    let package = taken.entry("package.AwsVssComponents");
    assert_eq!((&package["apply_only_at_cron_interval"], &package["schedule_offset"]), (&true.into(), &2.into()));
    assert_eq!((&package["max_errors"], &package["targets"]["tag:V"][0]), (&"10".into(), &"007".into()));
    for (from, to, why) in [
        ("'035'", "soon", "`BackupPlan/BackupPlanRule/0/Lifecycle/DeleteAfterDays` of `P`: is no whole number"),
        ("'FALSE'", "'no'", "`BackupPlan/BackupPlanRule/0/EnableContinuousBackup` of `P`: is neither true nor false"),
        ("'60'", "", "`BackupPlan/BackupPlanRule/0/StartWindowMinutes` of `P`: has no value"),
        ("ScheduleOffset: '2'", "ScheduleOffset: [2]", "`ScheduleOffset` of `A`: is no text"),
    ] {
        let wrong = template.replace(from, to);
        assert_ne!(wrong, template, "{from}");
        super::taken(&wrong).tells(&[why]);
    }
}

#[test]
fn partitions_and_hosts_are_those_of_the_region() {
    let template = "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: win\n      \
                    AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {Service: \
                    [!Sub 'ec2.${AWS::URLSuffix}']}, Action: ['sts:AssumeRole']}]}\n      ManagedPolicyArns: \
                    ['arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore']\n      MaxSessionDuration: '7200'\n";
    let china = Scope { region: "cn-north-1".into(), ..scope() };
    let taken = taken_with(template, &china, &Given::default());
    taken
        .tells(&["VSS1112 `ManagedPolicyArns/0` of `Role` names the partition `aws`, and `cn-north-1` is in `aws-cn`"]);
    let role = taken.entry("role.win");
    assert_eq!(role["max_session_duration"], "2h");
    assert_eq!(role["managed_policies"][0], "arn:aws-cn:iam::aws:policy/AmazonSSMManagedInstanceCore");
    assert!(role["trust"].to_string().contains("ec2.amazonaws.com.cn"), "{role}");
    let here = super::taken(template);
    assert!(here.is_all().entry("role.win")["trust"].to_string().contains("ec2.amazonaws.com\""));
}

#[test]
fn flow_collections_are_read_whatever_their_indentation() {
    for tags in [
        "      BackupVaultTags: {\n        \"team\": \"windows\"\n      }\n",
        "      BackupVaultTags: {\n\"team\": \"windows\"\n}\n",
        "      BackupVaultTags: {   # { a comment ]\n  team: windows, # another }\n  more: [ ]\n      }\n",
        "      BackupVaultTags: !If\n        - 'It'\n        - {\n  team: \"windows\"\n        }\n        - {team: \
            x}\n",
        "      BackupVaultTags: { team:\n    \"windows\", 'it': 'a: b',\n b: \"c\" }\n",
    ] {
        let template = format!("Conditions: {{It: !Equals [a, a]}}\n{}", vault(tags));
        assert_eq!(taken(&template.replace(", more: [ ]", "")).entry("vault.vss")["tags"]["team"], "windows", "{tags}");
    }
    // Braces in texts are none, and a text of several lines keeps them.
    let read = |properties: &str| document::read(&vault(properties)).expect("a tree");
    let tree = read(
        "      Tags: {\n    'it''s': '}', b: \"\\\"{\", c: [\n x\n]\n      }\n      Script: |\n        if {\n        \
         }\n      Last: !Sub 'a\n        {'\n",
    );
    let node = tree.get("Resources").and_then(|node| node.get("Vault")?.get("Properties")).expect("the properties");
    let text =
        |node: &document::Node, key: &str| node.get(key).and_then(document::Node::text).unwrap_or_default().to_owned();
    let tags = node.get("Tags").expect("the tags");
    assert_eq!((text(tags, "it's").as_str(), text(tags, "b").as_str()), ("}", "\"{"));
    assert_eq!((text(node, "Script").as_str(), text(node, "Last").as_str()), ("if {\n}\n", "a {"));
    // A brace that never closes stays an error, at its place.
    assert!(
        matches!(document::read(&vault("      BackupVaultTags: {\n        a: b\n")), Err(broken) if broken.at.start > 0)
    );
}

#[test]
fn marks_directives_and_line_ends_of_other_editors_are_no_content() {
    let plain = vault("      BackupVaultTags:\n        team: windows\n");
    for template in [
        format!("\u{feff}{plain}"),
        format!("%YAML 1.1\n---\n{plain}...\n"),
        plain.replace('\n', "\r\n"),
        format!("--- # a template\n{plain}"),
    ] {
        assert_eq!(taken(&template).is_all().entry("vault.vss")["tags"]["team"], "windows", "{template:?}");
    }
}

#[test]
fn an_empty_value_is_no_value() {
    for empty in ["", " ~", " null"] {
        let template = vault(&format!("      BackupVaultTags:\n        team:{empty}\n        other: x\n"));
        let taken = taken(&template);
        taken.tells(&["`BackupVaultTags/team` of `Vault`: has no value, and CloudFormation takes no null"]);
        assert_eq!(taken.entry("vault.vss")["tags"], serde_json::json!({"other": "x"}));
    }
    taken(&vault("      EncryptionKeyArn:\n")).tells(&["`EncryptionKeyArn` of `Vault`: has no value"]);
    // Nothing, and what AWS does anyway, is mentioned above the entry.
    let nothing = taken(&vault("      EncryptionKeyArn: !Ref AWS::NoValue\n"));
    assert!(nothing.is_all().text().contains("# Given, and the same without: `EncryptionKeyArn` of `Vault`."));
}

proptest::proptest! {
    #[test]
    fn reading_never_panics_and_keeps_places(text in "[a-z:{}\\[\\]\"'#|>!,\\- \n]{0,80}") {
        let joined = crate::config::cloudformation::flow::on_one_line(&text);
        proptest::prop_assert_eq!(joined.len(), text.len());
        let template = format!("Resources:\n  V: {{Type: 'AWS::Backup::BackupVault', Properties: {{BackupVaultName: \
            vss, BackupVaultTags: {{a: b}}}}}}\n{text}");
        let imported = import("t.yaml", &template, &scope(), &Given::default());
        proptest::prop_assert!(imported.text.is_some() || !imported.diagnostics.is_empty());
    }
}
