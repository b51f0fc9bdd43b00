//! Templates in, files out: each file is one that `validate` takes.

mod decided;
mod kept;
mod mutations;
mod templates;
mod values;
mod words;

use super::*;
use crate::config::{Config, load_text};
use crate::model::{Scope, Severity};

fn scope() -> Scope {
    Scope {
        stack: "windows-backup".into(),
        account_id: "123456789012".into(),
        region: "ap-northeast-1".into(),
        iam_path: "/".into(),
    }
}

#[track_caller]
fn file(template: &str) -> (String, crate::config::Config) {
    let imported = import("template.yaml", template, &scope(), &Given::default());
    let text = imported.text.unwrap_or_else(|| panic!("{:#?}", imported.diagnostics));
    let loaded = load_text("vss.toml", &text, None);
    let errors: Vec<_> = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    let config = loaded.config.expect("a configuration");
    (text, config)
}

/// What became of a template.
struct Taken {
    imported: Imported,
    config: Option<Config>,
}

/// Takes a template over that is written in a test.
fn taken(template: &str) -> Taken {
    taken_with(template, &scope(), &Given::default())
}

fn taken_with(template: &str, scope: &Scope, given: &Given) -> Taken {
    let name = if template.starts_with('{') { "template.json" } else { "template.yaml" };
    let imported = import(name, template, scope, given);
    let config = imported.text.as_ref().and_then(|text| load_text("vss.toml", text, None).config);
    Taken { imported, config }
}

fn given(pairs: &[(&str, &str)], stack: Option<&str>) -> Given {
    let parameters = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Given { parameters, stack_name: stack.map(ToOwned::to_owned) }
}

impl Taken {
    fn said(&self) -> String {
        let lines = self.imported.diagnostics.iter().map(|one| format!("{} {}", one.code, one.message));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn text(&self) -> &str {
        self.imported.text.as_deref().unwrap_or_else(|| panic!("nothing was written:\n{}", self.said()))
    }

    /// The addresses of the file, which is valid.
    #[track_caller]
    fn addresses(&self) -> Vec<String> {
        let config = self.config.as_ref().unwrap_or_else(|| panic!("no valid file:\n{}", self.said()));
        let mut addresses: Vec<String> = config.desired.iter().map(|entry| entry.address.to_string()).collect();
        addresses.sort();
        addresses
    }

    /// The fields of an entry with its name in AWS, as JSON.
    #[track_caller]
    fn entry(&self, address: &str) -> serde_json::Value {
        let config = self.config.as_ref().unwrap_or_else(|| panic!("no valid file:\n{}", self.said()));
        let found = config.desired.iter().find(|entry| entry.address.to_string() == address);
        let found = found.unwrap_or_else(|| panic!("no {address}:\n{}\n{}", self.said(), self.text()));
        let mut fields = serde_json::to_value(&found.fields).expect("JSON");
        fields["AWS"] = found.name.as_str().into();
        fields
    }

    /// Each of the texts stands in a message, and the answer says that not all is taken.
    #[track_caller]
    fn tells(&self, texts: &[&str]) -> &Self {
        assert!(!self.imported.is_complete, "all is said to be taken:\n{}", self.said());
        for text in texts {
            assert!(self.said().contains(text), "{text} is not in\n{}", self.said());
        }
        self
    }

    /// All of the template is in the file, which is valid.
    #[track_caller]
    fn is_all(&self) -> &Self {
        assert!(self.imported.is_complete && self.config.is_some(), "{}\n{:?}", self.said(), self.imported.text);
        self
    }
}

/// The codes with the lines of their places.
fn problems(template: &str) -> Vec<(&'static str, usize)> {
    let found = import("template.yaml", template, &scope(), &Given::default()).diagnostics;
    found.iter().map(|one| (one.code, one.location.as_ref().map_or(0, |location| location.line))).collect()
}

#[test]
fn the_announcements_template_is_the_preset_in_two_lines() {
    let (text, config) = file(include_str!("../../../../tests/announcement.yaml"));
    assert!(text.contains("[role.EC2RoleforSSMVSSSnapshotV2]\npreset = \"vss-instance\"\n"), "{text}");
    let addresses: Vec<String> = config.desired.iter().map(|entry| entry.address.to_string()).collect();
    assert_eq!(addresses, ["role.EC2RoleforSSMVSSSnapshotV2", "instance_profile.EC2RoleforSSMVSSSnapshotV2"]);
}

#[test]
fn a_template_in_json_with_tabs_says_the_same() {
    let json = "{\n\t\"Resources\": {\n\
        \t\t\"Role\": {\"Type\": \"AWS::IAM::Role\", \"Properties\": {\n\t\t\t\"RoleName\": \"r\",\n\
        \t\t\t\"AssumeRolePolicyDocument\": {\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \
        \"Action\": \"sts:AssumeRole\", \"Principal\": {\"Service\": \"backup.amazonaws.com\"}}]},\n\
        \t\t\t\"ManagedPolicyArns\": [{\"Fn::Sub\": \
        \"arn:${AWS::Partition}:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup\"}, \
        {\"Fn::Join\": [\"\", \
        [\"arn:aws:iam::aws:policy/service-role/\", \"AWSBackupServiceRolePolicyForRestores\"]]}]\n\
        \t\t}}}}";
    let (text, _) = file(json);
    assert!(text.contains("[role.r]\npreset = \"backup-service\""), "{text}");
}

const WHOLE: &str = r#"
Parameters:
  Tag: { Type: String, Default: enabled }
  Days: { Type: Number, Default: 35 }
Resources:
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: Own
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Action: "ec2:DescribeImages", Resource: "*" }]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: AWSBackupRole
      Path: /service/
      Description: makes backups
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: "sts:AssumeRole"
            Principal: { Service: [backup.amazonaws.com, ec2.amazonaws.com] }
      ManagedPolicyArns: [!Ref Policy, "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup"]
      Policies:
        - PolicyName: logs
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: "logs:PutLogEvents"
                Resource: !Sub "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"
      Tags: [{ Key: team, Value: backup }]
  Profile:
    Type: AWS::IAM::InstanceProfile
    Properties: { InstanceProfileName: other, Path: /, Roles: [!Ref Role] }
  Package:
    Type: AWS::SSM::Association
    Properties:
      Name: AWS-ConfigureAWSPackage
      AssociationName: vss-package
      Parameters: { action: [Install], name: [AwsVssComponents], installationType: ["Uninstall and reinstall"] }
      ScheduleExpression: rate(1 day)
      MaxConcurrency: 10%
      Targets: [{ Key: "tag:VssBackup", Values: [!Ref Tag] }]
  Vault:
    Type: AWS::Backup::BackupVault
    Properties:
      BackupVaultName: keep
      LockConfiguration: { MinRetentionDays: 7 }
      BackupVaultTags: { team: backup }
  Plan:
    Type: AWS::Backup::BackupPlan
    Properties:
      BackupPlan:
        BackupPlanName: daily
        AdvancedBackupSettings: [{ ResourceType: EC2, BackupOptions: { WindowsVSS: enabled } }]
        BackupPlanRule:
          - RuleName: nightly
            TargetBackupVault: !Ref Vault
            ScheduleExpression: cron(0 18 ? * * *)
            StartWindowMinutes: 60
            CompletionWindowMinutes: 480
            Lifecycle: { DeleteAfterDays: !Ref Days }
  Selection:
    Type: AWS::Backup::BackupSelection
    Properties:
      BackupPlanId: !Ref Plan
      BackupSelection:
        SelectionName: windows
        IamRoleArn: !GetAtt Role.Arn
        Resources: ["arn:aws:ec2:*:*:instance/*"]
        Conditions: { StringEquals: [{ ConditionKey: "aws:ResourceTag/VssBackup", ConditionValue: !Ref Tag }] }
  Topic:
    Type: AWS::SNS::Topic
"#;

#[test]
fn every_resource_that_the_file_has_a_kind_for_is_taken_over() {
    let (text, config) = file(WHOLE);
    let mut addresses: Vec<String> = config.desired.iter().map(|entry| entry.address.to_string()).collect();
    addresses.sort();
    assert_eq!(
        addresses,
        [
            "instance_profile.other",
            "package.AwsVssComponents",
            "plan.daily",
            "policy.Own",
            "role.AWSBackupRole",
            "selection.daily.windows",
            "vault.keep"
        ]
    );
    for line in [
        "windows_vss = true",
        "delete_after = \"35d\"",
        "start_window = \"1h\"",
        "VssBackup = \"enabled\"",
        "max_concurrency = \"10%\"",
        "managed_policies = [\n    \"Own\",",
        "arn:${partition}:logs:${region}:${account_id}:*",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    assert_eq!(problems(WHOLE), [("VSS1103", WHOLE.lines().count())]);
}

#[test]
fn problems_are_named_at_their_places() {
    let role = |line: &str| format!("Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      {line}\n");
    assert_eq!(
        problems(&role("RoleName: !ImportValue x")),
        [("VSS1103", 2), ("VSS1111", 5), ("VSS1102", 5)],
        "a name that is open leaves the role a comment"
    );
    let trusting = |line: &str| {
        let trust = "AssumeRolePolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: \
                     ec2.amazonaws.com}, Action: sts:AssumeRole}]}";
        role(&format!("RoleName: r\n      {trust}\n      {line}"))
    };
    assert_eq!(problems(&trusting("Description: !ImportValue x")), [("VSS1102", 7)]);
    assert_eq!(problems(&trusting("Description: !Ref Missing")), [("VSS1111", 7)]);
    assert_eq!(problems(&trusting("Novelty: 1")), [("VSS1104", 7)]);
    assert_eq!(problems("Resources:\n  A: [1\n"), [("VSS1101", 3)]);
    assert_eq!(problems("Parameters: {}\n"), [("VSS1101", 1)]);
    assert_eq!(problems("Resources:\n  A: &a {}\n  B: *a\n"), [("VSS1101", 3)]);
    assert_eq!(problems("Resources:\n  A: {}\n  A: {}\n"), [("VSS1101", 3)]);
    assert_eq!(problems(""), [("VSS1101", 1)]);
    assert_eq!(problems("Resources:\n  Q: { Type: \"AWS::SQS::Queue\" }\n"), [("VSS1105", 2), ("VSS1103", 2)]);
}

#[test]
fn a_text_of_brackets_is_refused_and_no_stack_overflows() {
    let deep = format!("Resources: {}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(problems(&deep).first().map(|(code, _)| *code), Some("VSS1101"));
    let large = format!("Resources: \"{}\"", "x".repeat(1_100_000));
    assert_eq!(problems(&large).first().map(|(code, _)| *code), Some("VSS1101"));
}
