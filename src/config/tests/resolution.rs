//! What files mean: presets, defaults, base files, references and normal forms.

use crate::model::KindId;
use serde_json::json;

use super::*;

fn resource<'a>(all: &'a [Desired], address: &str) -> &'a Desired {
    all.iter().find(|desired| desired.address.to_string() == address).unwrap_or_else(|| panic!("no {address}"))
}

#[test]
fn the_instance_preset_is_the_announcements_template() {
    let all = desired("[role.EC2RoleforSSMVSSSnapshotV2]\npreset = \"vss-instance\"\n");
    let role = resource(&all, "role.EC2RoleforSSMVSSSnapshotV2");
    assert_eq!(
        role.fields["managed_policies"],
        json!([
            "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy",
            "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
        ])
    );
    assert_eq!(role.fields["trust"], crate::policy::trust_policy(&["ec2.amazonaws.com"]));
    assert!(!role.fields.contains_key("inline_policies") && !role.fields.contains_key("tags"), "{:?}", role.fields);
    let profile = resource(&all, "instance_profile.EC2RoleforSSMVSSSnapshotV2");
    assert_eq!(
        (profile.name.as_str(), &profile.fields["role"]),
        ("EC2RoleforSSMVSSSnapshotV2", &json!("EC2RoleforSSMVSSSnapshotV2"))
    );
    assert_eq!(profile.references, std::slice::from_ref(&role.address));
}

#[test]
fn the_smaller_preset_can_make_images_and_no_loose_snapshots() {
    let all = desired("[role.r]\npreset = \"vss-instance-backup-only\"\n");
    let role = resource(&all, "role.r");
    assert_eq!(role.fields["managed_policies"], json!(["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]));
    let document = role.fields["inline_policies"]["VssBackupOnly"].clone();
    assert_eq!(crate::policy::canonical(&document).unwrap(), document);
    let actions = document["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap().clone());
    let mut actions: Vec<Value> = actions.collect();
    actions.sort_by_key(Value::to_string);
    actions.dedup();
    assert_eq!(
        actions,
        [
            json!("ec2:CreateImage"),
            json!("ec2:CreateTags"),
            json!("ec2:DescribeImages"),
            json!("ec2:DescribeInstanceAttribute")
        ]
    );
    assert!(all.iter().any(|desired| desired.address.kind() == KindId::InstanceProfile));
}

#[test]
fn what_the_entry_says_goes_before_its_preset() {
    let all = desired(
        "[role.r]\npreset = \"backup-service\"\nmanaged_policies = []\ninstance_profile = false\ndescription = \"\"\n",
    );
    let role = resource(&all, "role.r");
    assert_eq!((&role.fields["managed_policies"], &role.fields["description"]), (&json!([]), &json!("")));
    assert_eq!(role.options["policies_mode"], json!("exclusive"));
    assert_eq!(all.len(), 1);
}

#[test]
fn partitions_follow_the_region() {
    let text = format!("{STACK}[role.r]\npreset = \"backup-service\"\n").replace("ap-northeast-1", "cn-north-1");
    let config = load_text("vss.toml", &text, None).config.unwrap();
    let expected = "arn:aws-cn:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    assert_eq!(config.desired[0].fields["managed_policies"][0], json!(expected));
}

#[test]
fn policies_are_named_by_key_aws_name_or_arn() {
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    let body = format!(
        "[policy.p]\nname = \"Own\"\npath = \"/x/\"\ndocument = '{document}'\n[role.r]\npreset = \"vss-instance\"\n\
         permissions_boundary = \"Own\"\n\
              managed_policies = [\"p\", \"ReadOnlyAccess\", \"arn:aws:iam::123456789012:policy/other\"]\n"
    );
    let all = desired(&body);
    let role = resource(&all, "role.r");
    let own = "arn:aws:iam::123456789012:policy/x/Own";
    assert_eq!(
        role.fields["managed_policies"],
        json!(["arn:aws:iam::123456789012:policy/other", own, "arn:aws:iam::aws:policy/ReadOnlyAccess"])
    );
    assert_eq!(role.fields["permissions_boundary"], json!(own));
    assert_eq!(role.references, ["policy.p".parse().unwrap()]);
}

#[test]
fn tags_of_the_file_the_defaults_and_the_entry_come_together() {
    let all = desired(
        "[tags]\na = \"1\"\nb = \"1\"\nc = \"1\"\n[defaults.vault]\nprotect = true\n\
         tags = { b = \"2\", c = \"2\" }\n[vault.vv]\ntags = { c = \"3\" }\n",
    );
    let vault = resource(&all, "vault.vv");
    assert_eq!(vault.fields["tags"], json!({ "a": "1", "b": "2", "c": "3" }));
    assert!(vault.protect);
}

#[test]
fn a_wrong_default_is_one_problem_however_many_entries_it_goes_into() {
    let loaded = file(
        "[vault.vv]\n[defaults.rule]\nvault = \"none\"\n[plan.p.rule.a]\nschedule = \"cron(0 1 ? * * *)\"\n\
         start_window = \"1h\"\n[plan.p.rule.b]\nschedule = \"cron(0 4 ? * * *)\"\nstart_window = \"1h\"\n",
    );
    assert_eq!(problems(&loaded), [("VSS0301", "\"none\"".to_owned())]);
    assert_eq!(problems(&file("[defaults.vault]\nname = \"x\"\n")), [("VSS0102", "name".to_owned())]);
}

#[test]
fn a_base_file_gives_what_the_file_does_not_say() {
    let folder = tempfile::tempdir().unwrap();
    let base = "[stack]\nname = \"base\"\nregion = \"eu-west-1\"\naccount_id = \"000000000000\"\n[vault.vv]\n\
         tags = { a = \"1\", b = \"1\" }\n";
    std::fs::write(folder.path().join("base.toml"), base).unwrap();
    let text = "extends = \"base.toml\"\n[stack]\naccount_id = \"123456789012\"\n[vault.vv]\ntags = { b = \"2\" }\n";
    let loaded = load_text("prod.toml", text, Some(folder.path()));
    let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    assert_eq!((config.scope.stack.as_str(), config.scope.account_id.as_str()), ("base", "123456789012"));
    assert_eq!(config.desired[0].fields["tags"], json!({ "a": "1", "b": "2" }));
}

#[test]
fn a_value_of_the_base_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let base = "[role.AWSBackup]\npreset = \"backup-service\"\n[vault.main]\n\
         lock = { mode = \"governance\", min_retention = \"7d\" }\n[region_settings]\n\
         resource_type_opt_in = { EC2 = true }\n[plan.p.rule.r]\nvault = \"main\"\ndelete_after = \"35d\"\n\
         [plan.p.selection.s]\nrole = \"AWSBackup\"\nmatch = { all = { a = \"1\" } }\n";
    std::fs::write(folder.path().join("base.toml"), base).unwrap();
    let text = format!(
        "extends = \"base.toml\"\n{STACK}[vault.main]\n\
         lock = {{ mode = \"governance\", max_retention = \"90d\" }}\n[region_settings]\n\
         resource_type_opt_in = {{ EBS = true }}\n[plan.p.rule.r]\nstart_window = \"2h\"\n\
         [plan.p.selection.s.match]\nlike = {{ b = \"2*\" }}\n"
    );
    let loaded = load_text("prod.toml", &text, Some(folder.path()));
    let all = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)).desired;
    assert_eq!(resource(&all, "vault.main").fields["lock"], json!({ "mode": "governance", "max_retention": "90d" }));
    let selection = &resource(&all, "selection.p.s").fields;
    assert_eq!((&selection["all"], &selection["like"]), (&json!([]), &json!(["b=2*"])));
    let rule = &resource(&all, "plan.p").fields["rule"]["r"];
    assert_eq!((&rule["delete_after"], &rule["start_window"]), (&json!("35d"), &json!("2h")));
    let settings = all.iter().find(|desired| desired.address.kind() == KindId::RegionSettings).unwrap();
    assert_eq!(settings.fields["resource_type_opt_in"], json!({ "EC2": true, "EBS": true }));
}

#[test]
fn rules_are_in_canonical_durations_schedules_and_zones() {
    let all = desired(
        "[vault.main]\n[plan.p]\n[plan.p.rule.r]\nvault = \"main\"\nschedule = \"cron(00  5 ? * SUN,MON *)\"\n\
         timezone = \"UTC\"\nstart_window = \"90m\"\ncomplete_window = \"24h\"\ndelete_after = \"5w\"\n\
         copy_actions = [{ vault = \"arn:aws:backup:eu-west-1:210987654321:backup-vault:x\", delete_after = \
         \"7d\" }]\n",
    );
    let schedule =
        crate::model::schedule::canonical("cron(00  5 ? * SUN,MON *)", crate::model::schedule::Dialect::Backup);
    assert_eq!(
        resource(&all, "plan.p").fields["rule"]["r"],
        json!({
            "vault": "main",
            "schedule": schedule,
            "timezone": "Etc/UTC",
            "start_window": "90m",
            "complete_window": "1d",
            "delete_after": "35d",
            "copy_actions": { "arn:aws:backup:eu-west-1:210987654321:backup-vault:x": { "delete_after": "7d" } }
        })
    );
    assert_eq!(resource(&all, "plan.p").references, ["vault.main".parse().unwrap()]);
}

#[test]
fn what_a_rule_does_not_say_is_not_declared() {
    let all = desired("[vault.main]\n[plan.p.rule.r]\nvault = \"main\"\n");
    assert_eq!(Value::Object(resource(&all, "plan.p").fields.clone()), json!({ "rule": { "r": { "vault": "main" } } }));
}

#[test]
fn a_vault_that_is_named_by_its_arn_is_its_name() {
    let all = desired("[plan.p.rule.r]\nvault = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:Default\"\n");
    assert_eq!(resource(&all, "plan.p").fields["rule"]["r"]["vault"], json!("Default"));
    assert!(resource(&all, "plan.p").references.is_empty());
}

#[test]
fn a_selection_declares_all_its_fields() {
    let body = "[role.AWSBackup]\npreset = \"backup-service\"\npath = \"/b/\"\n[vault.main]\n[plan.p.rule.r]\n\
         vault = \"main\"\n[plan.p.selection.s]\nrole = \"AWSBackup\"\nrenamed_from = \"t\"\n\
         match = { all = { b = \"2\", a = \"1\" }, not_like = { n = [\"y*\", \"x*\"] } }\n";
    let all = desired(body);
    let selection = resource(&all, "selection.p.s");
    assert_eq!(
        Value::Object(selection.fields.clone()),
        json!({
            "role": "arn:aws:iam::123456789012:role/b/AWSBackup",
            "arns": ["arn:aws:ec2:*:*:instance/*"],
            "not_arns": [],
            "any": [],
            "all": ["a=1", "b=2"],
            "like": [],
            "not_equals": [],
            "not_like": ["n=x*", "n=y*"]
        })
    );
    assert_eq!(selection.references, ["plan.p".parse().unwrap(), "role.AWSBackup".parse().unwrap()]);
    assert_eq!(selection.renamed_from, Some("selection.p.t".parse().unwrap()));
}

#[test]
fn an_empty_list_of_arns_beside_tags_of_any_is_no_list() {
    let matching = |text: &str| {
        let body = format!(
            "[role.AWSBackup]\npreset = \"backup-service\"\n[vault.main]\n[plan.p.rule.r]\nvault = \"main\"\n\
             [plan.p.selection.s]\nrole = \"AWSBackup\"\nmatch = {text}\n"
        );
        desired(&body).into_iter().find(|desired| desired.address.kind() == KindId::Selection).unwrap().fields
    };
    assert_eq!(matching("{ any = { a = \"1\" }, arns = [], all = {} }"), matching("{ any = { a = \"1\" } }"));
}

#[test]
fn a_minimum_version_takes_a_pin_away() {
    let version = |keys: &str| {
        let body = format!("[package.AwsVssComponents]\ntargets = {{ tags = {{ a = \"b\" }} }}\n{keys}\n");
        desired(&body)[0].fields.get("version").cloned()
    };
    assert_eq!(version("minimum_version = \"2.3.1\""), Some(json!("")));
    assert_eq!(version("version = \"2.5.1\""), Some(json!("2.5.1")));
    assert_eq!(version(""), None);
}

#[test]
fn a_package_without_a_schedule_is_a_run_command() {
    let all = desired(
        "[tags]\na = \"b\"\n[package.AwsVssComponents]\nminimum_version = \"2.3.1\"\n\
         targets = { tags = { k = \"v\" }, instance_ids = [\"i-0123456789abcdef0\"] }\nmax_errors = 0\n",
    );
    let package = resource(&all, "package.AwsVssComponents");
    assert_eq!(
        Value::Object(package.fields.clone()),
        json!({
            "package_name": "AwsVssComponents",
            "action": "Install",
            "version": "",
            "targets": { "InstanceIds": ["i-0123456789abcdef0"], "tag:k": ["v"] },
            "max_errors": "0"
        })
    );
    assert_eq!(Value::Object(package.options.clone()), json!({ "minimum_version": "2.3.1", "run_command": true }));
}

#[test]
fn an_association_has_its_schedule_tags_and_name() {
    let all = desired(
        "[tags]\na = \"b\"\n[package.AwsVssComponents]\ntargets = { tags = { k = [\"w\", \"v\"] } }\n\
         schedule = \"rate(1 day)\"\nadditional_arguments = { SSM_b = \"1\", SSM_a = \"2\" }\n",
    );
    let package = resource(&all, "package.AwsVssComponents");
    assert_eq!(package.name, "vssctl-AwsVssComponents");
    assert_eq!(package.fields["additional_arguments"], json!("{\"SSM_a\":\"2\",\"SSM_b\":\"1\"}"));
    assert_eq!(
        (&package.fields["targets"]["tag:k"], &package.fields["tags"]),
        (&json!(["v", "w"]), &json!({ "a": "b" }))
    );
}

#[test]
fn a_vault_declares_what_it_removes() {
    let all = desired("[vault.vv]\naccess_policy = {}\nnotifications = {}\nlock = { mode = \"none\" }\n");
    assert_eq!(
        Value::Object(resource(&all, "vault.vv").fields.clone()),
        json!({ "access_policy": {}, "notifications": {}, "lock": {} })
    );
    let all = desired(
        "[vault.vv]\nlock = { mode = \"compliance\", min_retention = \"1w\", changeable_for = \"3d\", \
         compliance_lock_is_irreversible = true }\n",
    );
    let vault = resource(&all, "vault.vv");
    assert_eq!(vault.fields["lock"], json!({ "mode": "compliance", "min_retention": "7d" }));
    assert_eq!(vault.options["changeable_for"], json!("3d"));
}

#[test]
fn a_document_is_the_same_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let json = concat!(
        r#"{"Statement":{"Resource":"arn:${partition}:s3:::b-${account_id}-${region}/${aws:username}","#,
        r#""Action":"s3:GetObject","Effect":"Allow"},"Version":"2012-10-17"}"#
    );
    std::fs::write(folder.path().join("p.json"), json).unwrap();
    let table = "{ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = [\"s3:GetObject\"], Resource \
         = \"arn:${partition}:s3:::b-${account_id}-${region}/${aws:username}\" }] }";
    let documents: Vec<Value> = [format!("'{json}'"), "{ file = \"p.json\" }".to_owned(), table.to_owned()]
        .iter()
        .map(|document| {
            let text = format!("{STACK}[policy.p]\ndocument = {document}\n");
            let loaded = load_text("vss.toml", &text, Some(folder.path()));
            loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)).desired[0].fields["document"].clone()
        })
        .collect();
    assert!(documents[0] == documents[1] && documents[1] == documents[2], "{documents:#?}");
    let resource = &documents[0]["Statement"][0]["Resource"][0];
    assert_eq!(resource, &json!("arn:aws:s3:::b-123456789012-ap-northeast-1/${aws:username}"));
}

#[test]
fn a_roles_profile_has_its_own_name_where_it_says_so() {
    let all = desired(
        "[role.r]\npreset = \"vss-instance\"\npath = \"/p/\"\nrenamed_from = \"q\"\n\
         instance_profile = { name = \"other\" }\n",
    );
    let profile = resource(&all, "instance_profile.r");
    assert_eq!((profile.name.as_str(), &profile.fields["path"]), ("other", &json!("/p/")));
    assert_eq!(profile.renamed_from, Some("instance_profile.q".parse().unwrap()));
}

#[test]
fn the_stacks_iam_path_is_declared_where_an_entry_names_none() {
    let body = "iam_path = \"/s/\"\n[role.AWSBackup]\npreset = \"backup-service\"\ninstance_profile = false\n\
         [role.r]\npreset = \"vss-instance\"\npath = \"/o/\"\n[vault.main]\n[plan.p.rule.r]\nvault = \"main\"\n\
         [plan.p.selection.s]\nrole = \"AWSBackup\"\nmatch = { all = { a = \"b\" } }\n";
    let all = desired(body);
    assert_eq!(resource(&all, "role.AWSBackup").fields["path"], json!("/s/"));
    assert_eq!(resource(&all, "role.r").fields["path"], json!("/o/"));
    assert_eq!(resource(&all, "instance_profile.r").fields["path"], json!("/o/"));
    assert_eq!(resource(&all, "selection.p.s").fields["role"], json!("arn:aws:iam::123456789012:role/s/AWSBackup"));
    assert!(!resource(&desired("[role.r]\npreset = \"vss-instance\"\n"), "role.r").fields.contains_key("path"));
}

#[test]
fn region_settings_hold_what_the_file_names() {
    let all = desired("[region_settings]\nresource_type_opt_in = { EC2 = true }\n");
    let settings = resource(&all, "region_settings");
    assert_eq!(Value::Object(settings.fields.clone()), json!({ "resource_type_opt_in": { "EC2": true } }));
}

#[test]
fn thresholds_come_from_the_stack() {
    let text = format!("{STACK}max_deletions = 10\n");
    let thresholds = load_text("vss.toml", &text, None).config.unwrap().thresholds;
    assert_eq!(thresholds, Thresholds { max_deletions: 10, max_deletion_percent: 30 });
}

#[test]
fn an_entry_knows_where_its_header_stands() {
    let all = desired("[vault.vv]\n");
    let location = all[0].location.clone().unwrap();
    assert_eq!((location.line, location.column), (5, 1));
}

#[test]
fn a_renamed_entry_keeps_the_names_that_its_old_key_gave() {
    let text = "[vault.new]\nrenamed_from = \"old\"\n[vault.named]\nrenamed_from = \"other\"\nname = \"own\"\n\
                [plan.p2]\nrenamed_from = \"plan.p\"\nrule.r.vault = \"old\"\n\
                [package.vss]\nrenamed_from = \"AwsVssComponents\"\ntargets = { tags = { a = \"b\" } }\n";
    let all = desired(text);
    let names: Vec<_> = all.iter().map(|desired| (desired.address.to_string(), desired.name.as_str())).collect();
    let expected =
        [("package.vss", "vssctl-AwsVssComponents"), ("vault.named", "own"), ("vault.new", "old"), ("plan.p2", "p")];
    assert_eq!(names, expected.map(|(address, name)| (address.to_owned(), name)));
    assert_eq!(all[0].fields["package_name"], "AwsVssComponents");
}
