//! What the template says is in the file, or in a message.

use super::*;

fn vault(properties: &str) -> String {
    format!(
        "Resources:\n  Vault: {{Type: 'AWS::Backup::BackupVault', Properties: {{BackupVaultName: vss{properties}}}}}\n"
    )
}

/// A plan with a selection, and the role for it.
fn selection(selection: &str) -> String {
    format!(
        "{}  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: AWSBackupVss\n      \
         AssumeRolePolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Principal: {{Service: \
         backup.amazonaws.com}}, Action: sts:AssumeRole}}]}}\n      ManagedPolicyArns: \
         ['arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup']\n  Plan:\n    \
         Type: AWS::Backup::BackupPlan\n    Properties: {{BackupPlan: {{BackupPlanName: daily, BackupPlanRule: \
         [{{RuleName: nightly, TargetBackupVault: !Ref Vault}}]}}}}\n  Sel:\n    Type: \
         AWS::Backup::BackupSelection\n    \
         Properties:\n      BackupPlanId: !Ref Plan\n      BackupSelection:\n        SelectionName: windows\n        \
         IamRoleArn: !GetAtt Role.Arn\n        Resources: ['arn:aws:ec2:*:*:instance/*']\n{selection}",
        vault("")
    )
}

fn rule(rule: &str) -> String {
    format!(
        "{}  Plan:\n    Type: AWS::Backup::BackupPlan\n    Properties: {{BackupPlan: {{BackupPlanName: daily, \
         BackupPlanRule: [{{RuleName: nightly, {rule}}}]}}}}\n",
        vault("")
    )
}

fn association(name: &str, properties: &str) -> String {
    format!(
        "  {name}:\n    Type: AWS::SSM::Association\n    Properties:\n      AssociationName: {name}-vss\n      \
         Name: AWS-ConfigureAWSPackage\n{properties}"
    )
}

#[test]
fn each_property_of_a_rule_is_taken_or_named() {
    let template = rule(
        "TargetBackupVault: !Ref Vault, TargetLogicallyAirGappedBackupVaultArn: \
         'arn:aws:backup:ap-northeast-1:123456789012:backup-vault:lag', IndexActions: [{ResourceTypes: [EBS]}], \
         ScanActions: [{ScanMode: FULL_SCAN}], Lifecycle: {DeleteAfterDays: 100, MoveToColdStorageAfterDays: 8, \
         OptInToArchiveForSupportedResources: true}",
    );
    let template = template.replace(
        "BackupPlanName: daily,",
        "BackupPlanName: daily, AdvancedBackupSettings: [{ResourceType: EC2, BackupOptions: {WindowsVSS: enabled}}, \
         {ResourceType: S3, BackupOptions: {BackupACLs: disabled}}],",
    );
    let taken = taken(&template);
    taken.tells(&[
        "`BackupPlan/BackupPlanRule/0/IndexActions` of `Plan` is not taken over",
        "`BackupPlan/BackupPlanRule/0/ScanActions` of `Plan` is not taken over",
        "`BackupPlan/AdvancedBackupSettings/1/BackupOptions/BackupACLs` of `Plan` is not taken over",
    ]);
    let fields = taken.entry("plan.daily");
    assert_eq!(fields["windows_vss"], true);
    let rule = &fields["rule"]["nightly"];
    assert_eq!((&rule["delete_after"], &rule["move_to_cold_storage_after"]), (&"100d".into(), &"8d".into()));
    assert_eq!(rule["opt_in_to_archive_for_supported_resources"], true);
    let gapped = &rule["target_logically_air_gapped_backup_vault_arn"];
    assert!(gapped.as_str().is_some_and(|arn| arn.ends_with(":lag")), "{rule}");
}

#[test]
fn a_policy_for_a_role_that_is_not_in_the_template_is_named() {
    let document = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: ec2:CreateTags, Resource: '*'}]}";
    let template = format!(
        "Parameters: {{Existing: {{Type: String, Default: legacy}}}}\nResources:\n  Inline: {{Type: \
            'AWS::IAM::Policy', \
         Properties: {{PolicyName: vss, Roles: [!Ref Existing], PolicyDocument: {document}}}}}\n  Lone: {{Type: \
         'AWS::IAM::RolePolicy', Properties: {{PolicyName: l, RoleName: other, PolicyDocument: {document}}}}}\n  \
         Managed: {{Type: 'AWS::IAM::ManagedPolicy', Properties: {{ManagedPolicyName: managed, Users: [u], Roles: \
         [!Ref Existing], PolicyDocument: {document}}}}}\n"
    );
    let taken = taken(&template);
    taken.tells(&[
        "`Roles/0` of `Inline`: names a role that is not in the file (legacy)",
        "`RoleName` of `Lone`: names a role that is not in the file (other)",
        "`Roles/0` of `Managed`: names a role that is not in the file (legacy)",
        "`Users` of `Managed` is not taken over",
    ]);
    assert_eq!(taken.addresses(), ["policy.managed"]);
    for line in ["# TODO: `Roles/0` of `Inline`", "# [role.legacy.inline_policies]", "# [role.other.inline_policies]"] {
        assert!(taken.text().contains(line), "{line} is not in\n{}", taken.text());
    }
}

#[test]
fn an_association_with_fewer_conditions_would_mean_more_instances() {
    let parameters = "      Parameters: {action: [Install], name: [AwsVssComponents], additionalArguments: \
                      ['{\"SSM_VERBOSE\":\"1\"}']}\n";
    let schedule = "      ScheduleExpression: rate(1 day)\n";
    let keyed = "      Targets: [{Key: tag-key, Values: [VssBackup]}, {Key: 'tag:Platform', Values: [windows]}]\n";
    let tagged = "      Targets: [{Key: 'tag:Platform', Values: [windows]}]\n";
    let all = taken(&format!("Resources:\n{}", association("a", &format!("{parameters}{schedule}{tagged}"))));
    let package = all.is_all().entry("package.AwsVssComponents");
    assert!(package["additional_arguments"].as_str().is_some_and(|text| text.contains("SSM_VERBOSE")), "{package}");
    let lost = taken(&format!("Resources:\n{}", association("a", &format!("{parameters}{schedule}{keyed}"))));
    lost.tells(&["`Targets/0/Key` of `a`: is `tag-key`", "`a` stands in the file as a comment only"]);
    let listed: Vec<&str> =
        lost.imported.diagnostics.iter().flat_map(|one| one.help.iter().map(String::as_str)).collect();
    assert!(listed.iter().any(|help| help.contains("`additionalArguments`")), "{listed:?}");
    assert_eq!(lost.addresses(), [""; 0]);
    let once = taken(&format!("Resources:\n{}", association("a", &format!("{parameters}{tagged}"))));
    once.tells(&["`ScheduleExpression` of `a`: is missing"]);
    let other = association("b", &format!("{parameters}{schedule}{tagged}"));
    let other = other.replace("AWS-ConfigureAWSPackage", "AWS-RunPatchBaseline");
    taken(&format!("{}{other}", vault(""))).tells(&["`b` is left out: it runs `AWS-RunPatchBaseline`"]);
    let unknown = parameters.replace("action:", "novelty: [x], action:");
    let unknown = taken(&format!("Resources:\n{}", association("a", &format!("{unknown}{schedule}{tagged}"))));
    unknown.tells(&["`Parameters/novelty` of `a`: is a parameter that the file has no word for"]);
    let instance = taken(&format!(
        "Resources:\n{}",
        association("a", &format!("{parameters}{schedule}      InstanceId: i-0123456789abcdef0\n"))
    ));
    let targets = instance.is_all().entry("package.AwsVssComponents")["targets"].clone();
    assert_eq!(targets["InstanceIds"][0], "i-0123456789abcdef0");
}

#[test]
fn a_condition_of_another_shape_leaves_the_selection_a_comment() {
    let right =
        "        Conditions: {StringEquals: [{ConditionKey: 'aws:ResourceTag/VssBackup', ConditionValue: enabled}]}\n";
    let taken_right = taken(&selection(right));
    assert_eq!(taken_right.is_all().entry("selection.daily.windows")["all"][0], "VssBackup=enabled");
    for (wrong, why) in [
        (
            "        Conditions: {StringEquals: {'aws:ResourceTag/VssBackup': enabled}}\n",
            "StringEquals` of `Sel`: is no list",
        ),
        (
            "        Conditions: {StringEquals: [{ConditionKey: VssBackup, ConditionValue: enabled}]}\n",
            "is `VssBackup`, and AWS",
        ),
        ("        Conditions: [{StringEquals: []}]\n", "Conditions` of `Sel`: is no map"),
        ("        ListOfTags: [{ConditionKey: a, ConditionValue: b}]\n", "ConditionType` of `Sel`: is missing"),
        (
            "        ListOfTags: [{ConditionType: STRINGLIKE, ConditionKey: a, ConditionValue: b}]\n",
            "is not `STRINGEQUALS`",
        ),
    ] {
        let taken = taken(&selection(wrong));
        taken.tells(&[why, "`Sel` stands in the file as a comment only"]);
        assert_eq!(taken.addresses(), ["plan.daily", "role.AWSBackupVss", "vault.vss"], "{wrong}");
    }
    let unknown = taken(&selection(&right.replace("{StringEquals", "{DateEquals: [], StringEquals")));
    unknown.tells(&["`BackupSelection/Conditions/DateEquals` of `Sel` is not taken over"]);
    // One key twice: neither value is taken.
    let twice = "        Conditions: {StringNotEquals: [{ConditionKey: 'aws:ResourceTag/Env', ConditionValue: dev}, \
                 {ConditionKey: 'aws:ResourceTag/Env', ConditionValue: test}]}\n";
    let taken_twice = taken(&selection(twice));
    let not_equals = taken_twice.is_all().entry("selection.daily.windows")["not_equals"].clone();
    assert_eq!(not_equals, serde_json::json!(["Env=dev", "Env=test"]));
}

#[test]
fn a_vault_that_the_template_does_not_make_is_named_by_arn() {
    for name in ["Default", "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:Default"] {
        let taken = taken(&rule(&format!("TargetBackupVault: '{name}'")));
        assert_eq!(taken.is_all().entry("plan.daily")["rule"]["nightly"]["vault"], "Default");
        assert!(taken.text().contains("backup-vault:Default"), "{}", taken.text());
    }
    let taken = taken(&rule("TargetBackupVault: vss"));
    assert!(taken.text().contains("vault = \"vss\""), "{}", taken.text());
}

#[test]
fn a_vault_without_its_key_is_not_made() {
    let key = "  Key: {Type: 'AWS::KMS::Key', Properties: {KeyPolicy: {}}}\n";
    let template = format!("{}{key}", rule("TargetBackupVault: !Ref Vault"));
    for function in ["!GetAtt Key.Arn", "!Sub 'arn:aws:kms:ap-northeast-1:123456789012:key/${Key}'", "!ImportValue key"]
    {
        let template =
            template.replace("BackupVaultName: vss", &format!("BackupVaultName: vss, EncryptionKeyArn: {function}"));
        let taken = taken(&template);
        taken.tells(&["`EncryptionKeyArn` of `Vault`"]);
        // The plan backs up into the vault that the stack made.
        assert_eq!(taken.addresses(), ["plan.daily"]);
        assert!(taken.text().contains("\n# kms_key = \"TODO\"\n"), "{}", taken.text());
        // What is filled in makes the entry.
        let arn = "arn:aws:kms:ap-northeast-1:123456789012:key/aaaaaaaa-1111-2222-3333-444444444444";
        let filled = taken.text().replace("# kms_key = \"TODO\"", &format!("kms_key = \"{arn}\""));
        let filled = filled.replace("# [vault.vss]", "[vault.vss]");
        let config = load_text("vss.toml", &filled, None).config.expect("a valid file");
        assert!(config.desired.iter().any(|entry| entry.address.to_string() == "vault.vss"), "{filled}");
    }
}

#[test]
fn names_that_can_be_no_keys_stay_names() {
    let dotted = rule("TargetBackupVault: !Ref Vault").replace("RuleName: nightly", "RuleName: daily.35d");
    let dotted = dotted.replace("BackupPlanName: daily", "BackupPlanName: my.plan");
    let taken_dotted = taken(&dotted);
    let plan = taken_dotted.is_all().entry("plan.Plan");
    assert_eq!(plan["AWS"], "my.plan");
    assert!(plan["rule"]["daily.35d"].is_object(), "{plan}");
    let selected = selection("").replace("SelectionName: windows", "SelectionName: by.tag");
    assert_eq!(taken(&selected).entry("selection.daily.by-tag")["AWS"], "by.tag");
    let clash = rule("TargetBackupVault: !Ref Vault}, {RuleName: a-b, TargetBackupVault: !Ref Vault");
    let clash = clash.replace("RuleName: nightly", "RuleName: a.b");
    let rules = taken(&clash).entry("plan.daily")["rule"].clone();
    assert!(rules["a.b"].is_object() && rules["a-b"].is_object(), "{rules}");
}

#[test]
fn a_compliance_lock_asks_for_its_acknowledgement() {
    let governance = taken(&vault(", LockConfiguration: {MinRetentionDays: 7}"));
    assert_eq!(governance.is_all().entry("vault.vss")["lock"]["mode"], "governance");
    let compliance = taken(&vault(
        ", LockConfiguration: {MinRetentionDays: 7, ChangeableForDays: 3}, Notifications: {SNSTopicArn: \
         'arn:aws:sns:ap-northeast-1:123456789012:t', BackupVaultEvents: [BACKUP_JOB_FAILED]}",
    ));
    compliance.tells(&["VSS0412", "from `LockConfiguration` of `Vault`"]);
    assert!(compliance.config.is_none(), "nobody has acknowledged it");
    let acknowledged = compliance
        .text()
        .replace("mode = \"compliance\"", "mode = \"compliance\"\ncompliance_lock_is_irreversible = true");
    assert!(load_text("vss.toml", &acknowledged, None).config.is_some(), "{acknowledged}");
}

#[test]
fn two_plans_of_one_name_are_an_error_that_names_both() {
    let second = rule("TargetBackupVault: !Ref Vault");
    let second = second.split_once("  Plan:\n").expect("a plan").1.to_owned();
    let twice = taken(&format!("{}  Second:\n{second}", rule("TargetBackupVault: !Ref Vault")));
    twice.tells(&["VSS1106 `Plan` and `Second` have the same name, `daily`"]);
    assert_eq!(twice.addresses(), ["vault.vss"]);
    let policies = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: ec2:CreateTags, Resource: '*'}]}";
    let inline = format!(
        "Resources:\n  Role: {{Type: 'AWS::IAM::Role', Properties: {{RoleName: r, AssumeRolePolicyDocument: \
            {policies}, \
         Policies: [{{PolicyName: p, PolicyDocument: {policies}}}]}}}}\n  More: {{Type: 'AWS::IAM::Policy', \
         Properties: \
         {{PolicyName: p, Roles: [!Ref Role], PolicyDocument: {policies}}}}}\n"
    );
    taken(&inline).tells(&["`PolicyDocument` of `More`: is the policy `p` of the role once more"]);
}

#[test]
fn what_validate_finds_is_said_at_the_place_in_the_template() {
    let own =
        rule("TargetBackupVault: !Ref Vault, CopyActions: [{DestinationBackupVaultArn: !GetAtt Vault.BackupVaultArn}]");
    let copied = taken(&own);
    copied.tells(&["VSS0419", "from `BackupPlan/BackupPlanRule/0/CopyActions/0/DestinationBackupVaultArn` of `Plan`"]);
    let found = copied.imported.diagnostics.iter().find(|one| one.code == "VSS0419").expect("a finding");
    let location = found.location.as_ref().expect("a place");
    assert_eq!((location.file.as_str(), location.line), ("template.yaml", 5));
    let column = own.lines().nth(4).expect("a line").find("DestinationBackupVaultArn").expect("the property");
    assert_eq!(location.column, column + 1);
}

#[test]
fn resources_of_cdk_are_taken_with_the_names_that_they_have() {
    let template = r#"{"Resources": {
 "PlanRoleC3D4": {"Type": "AWS::IAM::Role", "Metadata": {"aws:cdk:path": "S/Role"}, "Properties": {
  "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow",
   "Principal": {"Service": "backup.amazonaws.com"}}]}}},
  "DefaultPolicyF6": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "DefaultPolicyF6",
   "Roles": [{"Ref": "PlanRoleC3D4"}],
   "PolicyDocument": {"Version": "2012-10-17", "Statement": [
    {"Action": "ec2:CreateTags", "Effect": "Allow", "Resource": "*"}]}}},
 "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Condition": "CDKMetadataAvailable", "Properties": {"Analytics": "x"}}},
 "Conditions": {"CDKMetadataAvailable": {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::Region"}, "ap-northeast-1"]},
  {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]}]}}}"#;
    let taken = taken(template);
    taken.tells(&["VSS1107 `RoleName` of `PlanRoleC3D4` is not given: CloudFormation makes the name"]);
    assert!(!taken.said().contains("CDKMetadata"), "{}", taken.said());
    assert!(taken.entry("role.PlanRoleC3D4")["inline_policies"]["DefaultPolicyF6"].is_object());
    for line in [
        "make nothing in the account: `CDKMetadata`",
        "of `PlanRoleC3D4`: Metadata",
        "TODO: `PlanRoleC3D4` has no RoleName",
    ] {
        assert!(taken.text().contains(line), "{line} is not in\n{}", taken.text());
    }
}
