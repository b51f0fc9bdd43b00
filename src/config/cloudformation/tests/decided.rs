//! What the template decides is decided, and what it leaves open is marked.

use super::*;

/// A role of a name, with more properties and more resources.
fn role(name: &str, properties: &str) -> String {
    format!(
        "  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      RoleName: {name}\n      \
         AssumeRolePolicyDocument: {TRUST}\n{properties}"
    )
}

const TRUST: &str = "{Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, \
                     Action: sts:AssumeRole}]}";
const DOCUMENT: &str = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: ec2:CreateTags, Resource: '*'}]}";

/// A plan with one rule into a vault that the template makes.
fn plan(rule: &str) -> String {
    format!(
        "  Vault: {{Type: 'AWS::Backup::BackupVault', Properties: {{BackupVaultName: vss}}}}\n  Plan:\n    \
         Type: AWS::Backup::BackupPlan\n    Properties:\n      BackupPlan:\n        BackupPlanName: daily\n        \
         BackupPlanRule:\n          - RuleName: nightly\n            TargetBackupVault: !Ref Vault\n{rule}"
    )
}

#[test]
fn a_policy_under_a_condition_is_taken_where_the_condition_holds() {
    let template = |default: &str| {
        let policies = format!(
            "      Policies:\n        - {{PolicyName: base, PolicyDocument: {DOCUMENT}}}\n        - !If\n          \
                - Vss\n          \
             - {{PolicyName: vss, PolicyDocument: {DOCUMENT}}}\n          - !Ref AWS::NoValue\n"
        );
        format!(
            "Parameters:\n  Allow: {{Type: String, Default: '{default}'}}\nConditions:\n  Vss: !Equals [!Ref Allow, \
                'true']\n\
             Resources:\n{}",
            role("win", &policies)
        )
    };
    let both = taken(&template("true"));
    let policies = both.is_all().entry("role.win")["inline_policies"].clone();
    assert!(policies["base"].is_object() && policies["vss"].is_object(), "{policies}");
    let one = taken(&template("false"));
    assert!(one.entry("role.win")["inline_policies"]["vss"].is_null());
    assert!(one.said().contains("`Policies/1` of `Role`: the condition `Vss` does not hold"), "{}", one.said());
    // What a person says goes before the default.
    let other = taken_with(&template("false"), &scope(), &given(&[("Allow", "true")], None));
    assert!(other.entry("role.win")["inline_policies"]["vss"].is_object());
}

#[test]
fn a_condition_that_is_not_there_or_not_decided_leaves_the_role_a_comment() {
    let policies =
        format!("      Policies: !If [x, [{{PolicyName: p, PolicyDocument: {DOCUMENT}}}], !Ref 'AWS::NoValue']\n");
    let extra = format!(
        "  Extra: {{Type: 'AWS::IAM::RolePolicy', Properties: {{RoleName: !Ref Role, PolicyName: e, PolicyDocument: \
            {DOCUMENT}}}}}\n\
         \x20 Server: {{Type: 'AWS::EC2::Instance', Properties: {{ImageId: ami-1}}}}\n"
    );
    let missing = taken(&format!("Resources:\n{}{extra}", role("win", &policies)));
    missing.tells(&["`Policies` of `Role`: there is no condition `x`", "`Server` is left out"]);
    assert_eq!(missing.addresses(), [""; 0]);
    assert!(missing.text().contains("# TODO: `Policies` of `Role`"), "{}", missing.text());
    assert!(missing.text().contains("\n# [role.win]\n"), "{}", missing.text());
    let open = format!(
        "Parameters:\n  P: {{Type: String}}\nConditions:\n  x: !Equals [!Ref P, y]\nResources:\n{}",
        role("win", &policies)
    );
    taken(&open).tells(&["the condition `x` is not decided: the parameter `P` has no default"]);
    let decided = taken_with(&open, &scope(), &given(&[("P", "y")], None));
    assert!(decided.is_all().entry("role.win")["inline_policies"]["p"].is_object());
}

#[test]
fn the_name_of_the_stack_is_asked_for() {
    let template = format!(
        "Resources:\n{}  Profile:\n    Type: AWS::IAM::InstanceProfile\n    Properties:\n      \
         InstanceProfileName: !Sub '${{AWS::StackName}}-win'\n      Roles: [!Ref Role]\n",
        role("!Sub '${AWS::StackName}-win'", "")
    );
    let unknown = taken(&template);
    unknown.tells(&["`RoleName` of `Role`: `AWS::StackName` is not in the template: give it by `--cfn-stack-name`"]);
    assert_eq!(unknown.addresses(), [""; 0]);
    let known = taken_with(&template, &scope(), &given(&[], Some("prod")));
    assert_eq!(known.is_all().addresses(), ["instance_profile.prod-win", "role.prod-win"]);
}

#[test]
fn the_default_of_a_stored_parameter_is_its_name_and_not_its_value() {
    for sort in ["AWS::SSM::Parameter::Value<String>", "AWS::SSM::Parameter::Value<List<String>>"] {
        let template = format!(
            "Parameters:\n  Owner: {{Type: '{sort}', Default: /team/owner}}\nResources:\n  Vault:\n    \
             Type: AWS::Backup::BackupVault\n    Properties:\n      BackupVaultName: vss\n      \
             BackupVaultTags: {{owner: !Ref Owner, team: windows}}\n"
        );
        let taken = taken(&template);
        taken.tells(&["`BackupVaultTags/owner` of `Vault`: the parameter `Owner` is read from Parameter Store"]);
        assert_eq!(taken.entry("vault.vss")["tags"], serde_json::json!({"team": "windows"}));
        assert!(!taken.text().contains("= \"/team/owner\""), "{}", taken.text());
    }
    let reference = "Resources:\n  Vault: {Type: 'AWS::Backup::BackupVault', Properties: {BackupVaultName: vss, \
                     BackupVaultTags: {a: '{{resolve:ssm:/a:1}}', b: !Sub 'x{{resolve:ssm:/b}}'}}}\n";
    taken(reference).tells(&["`BackupVaultTags/a` of `Vault`", "`BackupVaultTags/b` of `Vault`"]);
}

#[test]
fn of_exclusive_resources_the_one_that_is_made_is_taken() {
    let template = "Parameters:\n  Stage: {Type: String, Default: prod}\nConditions:\n  Prod: !Equals [!Ref Stage, \
        prod]\n  \
                    Other: !Not [!Condition Prod]\nResources:\n  Locked:\n    Type: AWS::Backup::BackupVault\n    \
                    Condition: Prod\n    Properties: {BackupVaultName: vss, LockConfiguration: {MinRetentionDays: \
                    7}}\n  \
                    Open:\n    Type: AWS::Backup::BackupVault\n    Condition: Other\n    \
                    Properties: {BackupVaultName: vss}\n";
    let prod = taken(template);
    assert_eq!(prod.is_all().entry("vault.vss")["lock"]["min_retention"], "7d");
    assert!(prod.said().contains("`Open` is not made: its condition `Other` does not hold"), "{}", prod.said());
    let other = taken_with(template, &scope(), &given(&[("Stage", "dev")], None));
    assert!(other.is_all().entry("vault.vss")["lock"].is_null());
    // Where nobody says which, neither is.
    let open = template.replace(", Default: prod", "");
    let neither = taken(&open);
    neither.tells(&["`Condition` of `Locked`: the condition `Prod` is not decided", "`Condition` of `Open`"]);
    assert_eq!(neither.addresses(), [""; 0]);
    // Two that are both made can't be one entry.
    let both = taken(&template.replace("    Condition: Prod\n", "").replace("    Condition: Other\n", ""));
    both.tells(&["VSS1106 `Locked` and `Open` have the same name, `vss`"]);
    assert_eq!(both.addresses(), [""; 0]);
}

#[test]
fn a_path_by_a_function_is_in_the_arn_as_well() {
    let template = format!(
        "Parameters:\n  Team: {{Type: String, Default: platform}}\nResources:\n{}  Pass:\n    \
         Type: AWS::IAM::ManagedPolicy\n    Properties:\n      ManagedPolicyName: pass\n      PolicyDocument:\n        \
         Version: '2012-10-17'\n        Statement: [{{Effect: Allow, Action: iam:GetRole, Resource: !GetAtt \
         Role.Arn}}]\n",
        role("win", "      Path: !Sub '/${Team}/'\n")
    );
    let taken = taken(&template);
    assert_eq!(taken.entry("role.win")["path"], "/platform/");
    let text = taken.entry("policy.pass")["document"].to_string();
    assert!(text.contains("arn:aws:iam::123456789012:role/platform/win"), "{text}");
    assert!(taken.text().contains("arn:${partition}:iam::${account_id}:role/platform/win"), "{}", taken.text());
}

#[test]
fn mappings_and_conditions_decide_by_defaults_region_and_partition() {
    let rule = "            ScheduleExpression: !If [Prod, 'cron(0 5 ? * * *)', 'cron(0 5 ? * SUN *)']\n            \
                Lifecycle: {DeleteAfterDays: !FindInMap [Keep, !Ref Stage, !Ref AWS::Region]}\n";
    let template = format!(
        "Parameters:\n  Stage: {{Type: String, Default: prod}}\nMappings:\n  Keep: {{prod: {{ap-northeast-1: 35}}, \
         dev: {{ap-northeast-1: 7}}}}\nConditions:\n  Tokyo: !Equals [!Ref 'AWS::Region', ap-northeast-1]\n  \
         Prod: !And [!Condition Tokyo, !Or [!Equals [!Ref Stage, prod], !Equals [!Ref Open, x]]]\nResources:\n{}",
        plan(rule)
    );
    let prod = taken(&template);
    let rule = prod.is_all().entry("plan.daily")["rule"]["nightly"].clone();
    assert_eq!((&rule["schedule"], &rule["delete_after"]), (&"cron(0 5 ? * * *)".into(), &"35d".into()));
    // `Or` is open now, as its second operand is.
    let dev = taken_with(&template, &scope(), &given(&[("Stage", "dev")], None));
    dev.tells(&["the condition `Prod` is not decided"]);
    assert!(!dev.addresses().iter().any(|address| address == "plan.daily"));
    let missing = taken_with(&template, &Scope { region: "us-east-1".into(), ..scope() }, &Given::default());
    missing
        .tells(&["`BackupPlan/BackupPlanRule/0/Lifecycle/DeleteAfterDays` of `Plan`: the mapping has no such value"]);
}

#[test]
fn select_split_join_and_sub_of_constants_are_worked_out() {
    for (name, expected) in [
        ("!Select [0, !Split [',', 'vss,x']]", "vss"),
        ("!Select ['1', [a, !Join ['-', [!Ref One, two]]]]", "one-two"),
        ("!Sub ['${A}-two', {A: !Ref One}]", "one-two"),
        ("!Select [1, !Ref List]", "b"),
        ("!Join [!Ref One, !Split ['.', 'x.y']]", "xoney"),
        ("!Sub '${AWS::Region}-${AWS::AccountId}'", "ap-northeast-1-123456789012"),
        ("{'Fn::Sub': '${One}'}", "one"),
    ] {
        let template = format!(
            "Parameters: {{One: {{Type: String, Default: one}}, List: {{Type: CommaDelimitedList, Default: 'a, b'}}}}\n\
             Resources:\n  V: {{Type: 'AWS::Backup::BackupVault', Properties: {{BackupVaultName: vss, \
             BackupVaultTags: {{x: {name}}}}}}}\n"
        );
        assert_eq!(taken(&template).is_all().entry("vault.vss")["tags"]["x"], expected, "{name}");
    }
    for (name, why) in [
        ("!Select [7, [a]]", "takes an index of the list"),
        ("!GetAZs ''", "`GetAZs` is worked out when the template is deployed"),
        ("!ImportValue x", "known by the stack that exports it"),
        ("!Sub '${Missing}'", "`Missing` is neither a parameter nor a resource"),
        ("!Join [a]", "has other arguments than CloudFormation takes"),
        ("[a]", "is no text"),
        ("!If [x, a, b]", "there is no condition `x`"),
    ] {
        let template = format!(
            "Resources:\n  V: {{Type: 'AWS::Backup::BackupVault', Properties: {{BackupVaultName: vss, \
             BackupVaultTags: {{x: {name}, y: z}}}}}}\n"
        );
        let taken = taken(&template);
        taken.tells(&["`BackupVaultTags/x` of `V`", why]);
        assert_eq!(taken.entry("vault.vss")["tags"], serde_json::json!({"y": "z"}), "{name}");
    }
}

#[test]
fn what_is_open_in_a_document_leaves_the_rest_of_it() {
    let policies = "      Policies:\n        - PolicyName: p\n          PolicyDocument: {Version: '2012-10-17', \
                    Statement: [{Effect: Allow, Action: s3:GetObject, Resource: [!GetAtt Bucket.Arn, \
                    !Sub '${!aws:username}']}]}\n";
    let template = format!("Resources:\n  Bucket: {{Type: 'AWS::S3::Bucket'}}\n{}", role("win", policies));
    let open = taken(&template);
    open.tells(&[
        "`Policies/0/PolicyDocument/Statement/0/Resource/0` of `Role`: AWS makes `Arn` of `Bucket` (AWS::S3::Bucket)",
    ]);
    assert_eq!(open.addresses(), [""; 0]);
    for line in ["#         \"TODO\",", "#         \"${aws:username}\"", "#       \"Action\": \"s3:GetObject\","] {
        assert!(open.text().contains(line), "{line} is not in\n{}", open.text());
    }
    let beside =
        template.replace("Effect: Allow, Action: s3:GetObject", "Effect: Allow, 'Fn::If': [], Action: s3:GetObject");
    taken(&beside)
        .tells(&["`Policies/0/PolicyDocument/Statement/0/Fn::If` of `Role`: is a function beside other keys"]);
}

#[test]
fn conditions_and_names_that_need_themselves_are_no_endless_work() {
    let template = "Conditions:\n  A: !Not [!Condition B]\n  B: !Not [!Condition A]\nResources:\n  V:\n    \
                    Type: AWS::Backup::BackupVault\n    Condition: A\n    Properties: {BackupVaultName: !Ref V}\n";
    taken(template).tells(&["the condition `A` needs itself"]);
    taken(&template.replace("    Condition: A\n", "")).tells(&["the name of `V` needs itself"]);
}

#[test]
fn texts_of_texts_and_loops_of_loops_end() {
    let vault = |number: usize, name: &str| {
        format!("  V{number}: {{Type: 'AWS::Backup::BackupVault', Properties: {{BackupVaultName: {name}}}}}\n")
    };
    // Each name is the next one twice.
    let chain = |length: usize, last: &str| {
        let doubled = (0..length).map(|number| {
            let next = number + 1;
            vault(number, &format!("!Join ['', [!Ref V{next}, !Ref V{next}]]"))
        });
        format!("Resources:\n{}{}", doubled.collect::<String>(), vault(length, last))
    };
    taken(&chain(20, "x")).tells(&["makes a text that is longer than AWS takes"]);
    taken(&chain(400, "''")).tells(&["needs more others in a row than any template has"]);
    let conditions: Vec<String> =
        (0..400).map(|number| format!("  C{number}: !Not [!Condition C{}]\n", number + 1)).collect();
    let conditions = conditions.concat();
    let conditioned = vault(0, "v").replace("Properties:", "Condition: C0, Properties:");
    taken(&format!("Conditions:\n{conditions}Resources:\n{conditioned}")).tells(&["in a row than any template has"]);
    let values: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let values = values.join(", ");
    let body =
        "{'V${A}x${B}x${C}': {Type: 'AWS::Backup::BackupVault', Properties: {BackupVaultName: 'v-${A}-${B}-${C}'}}}";
    let inner = |name: &str, body: &str| format!("{{'Fn::ForEach::{name}': [{name}, [{values}], {body}]}}");
    let loops =
        format!("Transform: AWS::LanguageExtensions\nResources: {}\n", inner("A", &inner("B", &inner("C", body))));
    assert!(!taken(&loops).imported.is_complete);
}

#[test]
fn loops_are_taken_apart_where_the_template_asks_for_it() {
    let template = "Transform: AWS::LanguageExtensions\nParameters:\n  Stages: {Type: CommaDelimitedList, Default: \
        'dev,prod'}\n\
                    Resources:\n  Vault: {Type: 'AWS::Backup::BackupVault', Properties: {BackupVaultName: vss}}\n  \
                    Fn::ForEach::Plans:\n    - Stage\n    - !Ref Stages\n    - Plan${Stage}:\n        \
                    Type: AWS::Backup::BackupPlan\n        Properties: {BackupPlan: {BackupPlanName: !Ref Stage, \
                    BackupPlanRule: [{RuleName: 'a-${Stage}', TargetBackupVault: vss}]}}\n";
    let taken = taken(template);
    assert_eq!(taken.is_all().addresses(), ["plan.dev", "plan.prod", "vault.vss"]);
    assert!(taken.entry("plan.dev")["rule"]["a-dev"].is_object());
    // Without the transform, a loop is what CloudFormation does not take.
    let plain = super::taken(&template.replace("Transform: AWS::LanguageExtensions\n", ""));
    plain.tells(&["`Fn::ForEach::Plans` is left out"]);
    assert_eq!(plain.addresses(), ["vault.vss"]);
}

#[test]
fn transforms_that_nobody_carries_out_are_named() {
    let vault = "Resources:\n  V: {Type: 'AWS::Backup::BackupVault', Properties: {BackupVaultName: vss}}\n";
    let sam = taken(&format!("Transform: AWS::Serverless-2016-10-31\nGlobals: {{Function: {{Timeout: 3}}}}\n{vault}"));
    sam.tells(&["the transform `AWS::Serverless-2016-10-31` is not carried out", "`Globals` are not taken over"]);
    assert_eq!(sam.addresses(), ["vault.vss"]);
    taken(&format!("Transform: [{{Name: Own, Parameters: {{}}}}]\n{vault}")).tells(&["the transform `Own`"]);
    let inner = vault.replace("BackupVaultName: vss", "BackupVaultName: vss, 'Fn::Transform': {Name: Own}");
    taken(&inner).tells(&["`Fn::Transform` of `V` is not taken over"]);
}

#[test]
fn values_for_parameters_that_are_not_there_or_not_allowed_are_refused() {
    let template = "Parameters:\n  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}\nResources:\n  V: \
                    {Type: 'AWS::Backup::BackupVault', Properties: {BackupVaultName: !Ref Stage}}\n";
    for (pair, said) in [
        (("Stag", "dev"), "VSS1110 the template has no parameter `Stag`"),
        (("Stage", "test"), "VSS1110 `test` is no allowed value of the parameter `Stage`"),
    ] {
        let refused = taken_with(template, &scope(), &given(&[pair], None));
        assert!(refused.imported.text.is_none());
        refused.tells(&[said]);
    }
    assert_eq!(taken_with(template, &scope(), &given(&[("Stage", "prod")], None)).addresses(), ["vault.prod"]);
}

#[test]
fn what_a_resource_names_itself_tells_its_arn() {
    let template = |name: &str| {
        format!(
            "Resources:\n  Topic: {{Type: 'AWS::SNS::Topic', Properties: {{{name}}}}}\n  V: {{Type: \
             'AWS::Backup::BackupVault', Properties: {{BackupVaultName: vss, Notifications: {{SNSTopicArn: !Ref Topic, \
             BackupVaultEvents: [BACKUP_JOB_FAILED]}}}}}}\n"
        )
    };
    let named = taken(&template("TopicName: !Sub 'events-${AWS::Region}'"));
    let topic = named.entry("vault.vss")["notifications"]["topic"].clone();
    assert_eq!(topic, "arn:aws:sns:ap-northeast-1:123456789012:events-ap-northeast-1");
    let unnamed = taken(&template("DisplayName: x"));
    unnamed.tells(&["`Notifications/SNSTopicArn` of `V`: AWS makes what `Topic` (AWS::SNS::Topic) is referred to by"]);
    assert!(unnamed.entry("vault.vss")["notifications"].is_null());
}
