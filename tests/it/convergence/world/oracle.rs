//! What a file asks for, held against the simulated account in AWS's own words. Nothing of the planner is used: neither
//! its normal forms nor its reading of the file.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vssctl::sandbox::Sandbox;

use super::values::trust;

const REGION: &str = "ap-northeast-1";
const AWS: &str = "arn:aws:iam::aws:policy/";
const OWN: &str = "arn:aws:iam::123456789012:";

/// Looks at one account for one file.
pub(crate) struct Oracle<'a> {
    sandbox: &'a Sandbox,
    file: &'a Value,
    /// Whether the plan says of an address that it is in order.
    in_order: &'a dyn Fn(&str) -> bool,
    wrong: Vec<String>,
}

/// Says what of a file is not so in an account. Only what the last plan calls in order counts: what is refused is named
/// there, and its reason checked elsewhere.
pub(crate) fn wrong(sandbox: &Sandbox, file: &Value, in_order: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut oracle = Oracle { sandbox, file, in_order, wrong: Vec::new() };
    oracle.roles();
    oracle.policies();
    oracle.profiles();
    oracle.vaults();
    oracle.plans();
    oracle.restore_tests();
    oracle.packages();
    oracle.region_settings();
    oracle.wrong
}

fn is_none(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// A policy document without what AWS treats the same.
fn document(value: &Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '%']) => {
            let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            document(&serde_json::from_str(&text).unwrap_or_default())
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let value = document(value);
                let listed = ["Statement", "Action", "Resource", "Service"].contains(&name.as_str());
                (name.clone(), if listed && !value.is_array() { json!([value]) } else { value })
            };
            Value::Object(
                members.iter().map(member).collect::<std::collections::BTreeMap<_, _>>().into_iter().collect(),
            )
        }
        Value::Array(items) => items.iter().map(document).collect(),
        other => other.clone(),
    }
}

/// A duration of the file in the unit of AWS's field: `unit` is what one of it is in hours.
fn amount(value: &Value, of_an_hour: i64) -> Value {
    let text = value.as_str().unwrap_or_default();
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let number: i64 = number.parse().unwrap_or_default();
    match unit {
        "d" => json!(number * 24 * of_an_hour / 60),
        "h" => json!(number * of_an_hour / 60),
        _ => Value::Null,
    }
}

fn minutes(value: &Value) -> Value {
    amount(value, 3600)
}

fn days(value: &Value) -> Value {
    match value.as_str().and_then(|text| text.strip_suffix('d')).and_then(|text| text.parse::<i64>().ok()) {
        Some(days) => json!(days),
        None => Value::Null,
    }
}

fn hours(value: &Value) -> Value {
    match value.as_str().and_then(|text| text.strip_suffix('h')).and_then(|text| text.parse::<i64>().ok()) {
        Some(hours) => json!(hours),
        None => Value::Null,
    }
}

fn set(value: &Value) -> BTreeSet<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
        .collect()
}

/// The name of an entry: what it says, else its key; an address that was moved keeps the name that it had.
fn name_of(key: &str, entry: &Value) -> String {
    let said = entry.get("name").or(entry.get("renamed_from")).and_then(Value::as_str);
    said.unwrap_or(key).to_owned()
}

impl Oracle<'_> {
    fn call(&self, service: &str, operation: &str, input: &Value) -> Value {
        self.sandbox.call(service, operation, REGION, input).unwrap_or_default()
    }

    /// The entries of a section that the plan calls in order.
    fn entries(&self, section: &str) -> Vec<(String, Value)> {
        let entries = self.file[section].as_object().into_iter().flatten();
        let entries = entries.map(|(key, entry)| (format!("{section}.{key}"), entry.clone()));
        entries.filter(|(address, _)| (self.in_order)(address)).collect()
    }

    fn same(&mut self, at: &str, found: &Value, wanted: &Value) {
        if found != wanted && !(is_none(found) && is_none(wanted)) {
            self.wrong.push(format!("{at}: the file says {wanted}, AWS has {found}"));
        }
    }

    fn same_set(&mut self, at: &str, found: &Value, wanted: &BTreeSet<String>) {
        if set(found) != *wanted {
            self.wrong.push(format!("{at}: the file says {wanted:?}, AWS has {found}"));
        }
    }

    /// Tags of the file and of the entry are there; others may be as well.
    fn tags(&mut self, address: &str, entry: &Value, found: &Value) {
        let by_name = |value: &Value| -> Vec<(String, Value)> {
            match value {
                Value::Array(items) => items
                    .iter()
                    .map(|tag| (tag["Key"].as_str().unwrap_or_default().to_owned(), tag["Value"].clone()))
                    .collect(),
                Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                _ => Vec::new(),
            }
        };
        let found = by_name(found);
        for (name, value) in by_name(&self.file["tags"]).into_iter().chain(by_name(&entry["tags"])) {
            if !found.contains(&(name.clone(), value.clone())) {
                self.wrong.push(format!("{address}: the tag {name}={value} is not in {found:?}"));
            }
        }
    }

    /// A path that nobody names is left as it is.
    fn path(&mut self, address: &str, entry: &Value, found: &Value) {
        if let Some(path) = entry.get("path") {
            self.same(&format!("{address}.path"), &found["Path"], path);
        }
    }

    fn roles(&mut self) {
        for (address, role) in self.entries("role") {
            let name = json!({ "RoleName": role["name"] });
            let found = self.call("iam", "GetRole", &name)["Role"].clone();
            if found.is_null() {
                self.wrong.push(format!("{address} is not there"));
                continue;
            }
            let preset = role["preset"].as_str().unwrap_or_default();
            let service = if preset == "backup-service" { "backup.amazonaws.com" } else { "ec2.amazonaws.com" };
            let trusted = role.get("trust").cloned().unwrap_or_else(|| trust(service));
            self.same(&format!("{address}.trust"), &document(&found["AssumeRolePolicyDocument"]), &document(&trusted));
            self.path(&address, &role, &found);
            if let Some(description) = role.get("description") {
                self.same(&format!("{address}.description"), &found["Description"], description);
            }
            if let Some(duration) = role.get("max_session_duration") {
                let seconds = duration.as_i64().map_or_else(|| json!(7200), |seconds| json!(seconds));
                self.same(&format!("{address}.max_session_duration"), &found["MaxSessionDuration"], &seconds);
            }
            if let Some(boundary) = role.get("permissions_boundary").and_then(Value::as_str) {
                let arn = if boundary.is_empty() { Value::Null } else { json!(self.policy_arn(boundary)) };
                let live = &found["PermissionsBoundary"]["PermissionsBoundaryArn"];
                self.same(&format!("{address}.permissions_boundary"), live, &arn);
            }
            self.policies_of(&address, &role, &name);
            let profile = role.get("instance_profile").cloned().unwrap_or_else(|| json!(preset.starts_with("vss")));
            let profile = match &profile {
                Value::Bool(true) => Some(role["name"].clone()),
                Value::Object(members) => Some(members.get("name").cloned().unwrap_or_else(|| role["name"].clone())),
                _ => None,
            };
            // The profile of a role is an entry of its own, which may be refused for itself.
            if let Some(profile) = profile.filter(|_| (self.in_order)(&address.replace("role.", "instance_profile."))) {
                let input = json!({ "InstanceProfileName": profile });
                let answer = self.call("iam", "GetInstanceProfile", &input);
                let holds = &answer["InstanceProfile"]["Roles"][0]["RoleName"];
                self.same(&format!("{address}.instance_profile"), holds, &role["name"]);
            }
            self.tags(&address, &role, &found["Tags"]);
        }
    }

    /// The ARN of an own policy wherever it is, else the one of an AWS managed policy.
    fn policy_arn(&self, name: &str) -> String {
        let mut policies = self.file["policy"].as_object().into_iter().flatten();
        let own =
            policies.find(|(key, policy)| *key == name || policy["name"] == name).map(|(_, policy)| &policy["name"]);
        let Some(own) = own else {
            return if name.starts_with("arn:") { name.to_owned() } else { format!("{AWS}{name}") };
        };
        let listed = self.call("iam", "ListPolicies", &json!({ "Scope": "Local" }));
        let mut listed = listed["Policies"].as_array().into_iter().flatten();
        let found = listed.find(|policy| policy["PolicyName"] == *own);
        found.map_or_else(String::new, |policy| policy["Arn"].as_str().unwrap_or_default().to_owned())
    }

    fn policies_of(&mut self, address: &str, role: &Value, name: &Value) {
        let is_additive = role["policies_mode"] == "additive";
        let preset = role["preset"].as_str().unwrap_or_default();
        let of_preset: &[&str] = match preset {
            "vss-instance" => &["AmazonSSMManagedInstanceCore", "AWSEC2VssSnapshotPolicy"],
            "vss-instance-backup-only" => &["AmazonSSMManagedInstanceCore"],
            "backup-service" => &[
                "service-role/AWSBackupServiceRolePolicyForBackup",
                "service-role/AWSBackupServiceRolePolicyForRestores",
            ],
            _ => &[],
        };
        let declared = role.get("managed_policies").map(set);
        let wanted = declared
            .or_else(|| (!preset.is_empty()).then(|| of_preset.iter().map(|name| (*name).to_owned()).collect()));
        if let Some(wanted) = wanted {
            let wanted: BTreeSet<String> = wanted.iter().map(|name| self.policy_arn(name)).collect();
            let answer = self.call("iam", "ListAttachedRolePolicies", name);
            let attached =
                answer["AttachedPolicies"].as_array().into_iter().flatten().map(|one| one["PolicyArn"].clone());
            let attached: Value = attached.collect();
            if !is_additive || !set(&attached).is_superset(&wanted) {
                self.same_set(&format!("{address}.managed_policies"), &attached, &wanted);
            }
        }
        if let Some(wanted) = role.get("inline_policies").and_then(Value::as_object) {
            let answer = self.call("iam", "ListRolePolicies", name);
            let names: BTreeSet<String> = wanted.keys().cloned().collect();
            if !is_additive || !set(&answer["PolicyNames"]).is_superset(&names) {
                self.same_set(&format!("{address}.inline_policies"), &answer["PolicyNames"], &names);
            }
            for (inline, wanted) in wanted {
                let input = json!({ "RoleName": role["name"], "PolicyName": inline });
                let answer = self.call("iam", "GetRolePolicy", &input);
                let at = format!("{address}.inline_policies.{inline}");
                self.same(&at, &document(&answer["PolicyDocument"]), &document(wanted));
            }
        }
    }

    fn policies(&mut self) {
        for (address, policy) in self.entries("policy") {
            let arn = self.policy_arn(policy["name"].as_str().unwrap_or_default());
            let found = self.call("iam", "GetPolicy", &json!({ "PolicyArn": arn }))["Policy"].clone();
            let version = json!({ "PolicyArn": arn, "VersionId": found["DefaultVersionId"] });
            let version = self.call("iam", "GetPolicyVersion", &version);
            let at = format!("{address}.document");
            self.same(&at, &document(&version["PolicyVersion"]["Document"]), &document(&policy["document"]));
            if let Some(description) = policy.get("description") {
                self.same(&format!("{address}.description"), &found["Description"], description);
            }
            self.path(&address, &policy, &found);
            self.tags(&address, &policy, &found["Tags"]);
        }
    }

    fn profiles(&mut self) {
        for (address, profile) in self.entries("instance_profile") {
            let input = json!({ "InstanceProfileName": profile["name"] });
            let found = self.call("iam", "GetInstanceProfile", &input)["InstanceProfile"].clone();
            let role = &self.file["role"][profile["role"].as_str().unwrap_or_default()]["name"].clone();
            self.same(&format!("{address}.role"), &found["Roles"][0]["RoleName"], role);
            self.path(&address, &profile, &found);
            self.tags(&address, &profile, &found["Tags"]);
        }
    }

    fn vaults(&mut self) {
        for (address, vault) in self.entries("vault") {
            let named = json!({ "BackupVaultName": vault["name"] });
            let found = self.call("backup", "DescribeBackupVault", &named);
            self.same(&format!("{address}.name"), &found["BackupVaultName"], &vault["name"]);
            if let Some(key) = vault.get("kms_key") {
                self.same(&format!("{address}.kms_key"), &found["EncryptionKeyArn"], key);
            }
            if let Some(policy) = vault.get("access_policy") {
                let answer = self.call("backup", "GetBackupVaultAccessPolicy", &named);
                self.same(&format!("{address}.access_policy"), &document(&answer["Policy"]), &document(policy));
            }
            if let Some(notifications) = vault.get("notifications") {
                let answer = self.call("backup", "GetBackupVaultNotifications", &named);
                self.same(&format!("{address}.topic"), &answer["SNSTopicArn"], &notifications["topic"]);
                self.same_set(
                    &format!("{address}.events"),
                    &answer["BackupVaultEvents"],
                    &set(&notifications["events"]),
                );
            }
            if let Some(lock) = vault.get("lock") {
                let is_none = lock["mode"] == "none";
                self.same(&format!("{address}.locked"), &found["Locked"], &json!(!is_none));
                for (key, member) in [("min_retention", "MinRetentionDays"), ("max_retention", "MaxRetentionDays")] {
                    if let Some(wanted) = lock.get(key) {
                        self.same(&format!("{address}.lock.{key}"), &found[member], &days(wanted));
                    }
                }
                self.same(
                    &format!("{address}.lock.mode"),
                    &json!(!found["LockDate"].is_null()),
                    &json!(lock["mode"] == "compliance"),
                );
            }
            let tags = self.call("backup", "ListTags", &json!({ "ResourceArn": found["BackupVaultArn"] }));
            self.tags(&address, &vault, &tags["Tags"]);
        }
    }

    fn plans(&mut self) {
        for (address, plan) in self.entries("plan") {
            let listed = self.call("backup", "ListBackupPlans", &json!({}));
            let named: Vec<Value> = listed["BackupPlansList"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|one| one["BackupPlanName"] == plan["name"])
                .cloned()
                .collect();
            // A stranger's plan may have the name as well.
            let own: Vec<(Value, Value)> = named
                .into_iter()
                .filter_map(|one| {
                    let tags = self.call("backup", "ListTags", &json!({ "ResourceArn": one["BackupPlanArn"] }));
                    let is_ours = tags["Tags"]["vssctl:id"] == json!(address)
                        || tags["Tags"]["vssctl:stack"].is_null()
                            && one["CreatorRequestId"].as_str().is_some_and(|token| token.starts_with("v1."));
                    is_ours.then_some((one, tags["Tags"].clone()))
                })
                .collect();
            let (own, tags) = match own.as_slice() {
                [] => {
                    self.wrong.push(format!("{address}: no plan of its name has its mark"));
                    continue;
                }
                [one] => one.clone(),
                // A protected entry keeps its second plan: which of them the file means, no mark says.
                _ => continue,
            };
            let id = json!({ "BackupPlanId": own["BackupPlanId"] });
            let found = self.call("backup", "GetBackupPlan", &id);
            self.rules(&address, &plan, &found);
            self.selections(&address, &plan, &id);
            if !tags.is_null() {
                self.tags(&address, &plan, &tags);
            }
        }
    }

    fn rules(&mut self, address: &str, plan: &Value, found: &Value) {
        if let Some(vss) = plan.get("windows_vss") {
            let settings =
                found["AdvancedBackupSettings"].as_array().or(found["BackupPlan"]["AdvancedBackupSettings"].as_array());
            let on = settings.into_iter().flatten().any(|setting| setting["BackupOptions"]["WindowsVSS"] == "enabled");
            self.same(&format!("{address}.windows_vss"), &json!(on), vss);
        }
        let live: Vec<Value> = found["BackupPlan"]["Rules"].as_array().cloned().unwrap_or_default();
        let declared: Vec<(String, Value)> = plan["rule"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, rule)| (name_of(key, rule), rule.clone()))
            .collect();
        let names: Value = live.iter().map(|rule| rule["RuleName"].clone()).collect();
        self.same_set(&format!("{address}.rule"), &names, &declared.iter().map(|(name, _)| name.clone()).collect());
        for (name, rule) in declared {
            let Some(live) = live.iter().find(|live| live["RuleName"] == json!(name)) else { continue };
            let at = |key: &str| format!("{address}.rule.{name}.{key}");
            let vault = &self.file["vault"][rule["vault"].as_str().unwrap_or_default()]["name"].clone();
            self.same(&at("vault"), &live["TargetBackupVaultName"], vault);
            let members = [
                ("schedule", "ScheduleExpression"),
                ("timezone", "ScheduleExpressionTimezone"),
                ("enable_continuous_backup", "EnableContinuousBackup"),
                ("target_logically_air_gapped_backup_vault_arn", "TargetLogicallyAirGappedBackupVaultArn"),
                ("recovery_point_tags", "RecoveryPointTags"),
            ];
            for (key, member) in members.into_iter().filter(|(key, _)| rule.get(key).is_some()) {
                self.same(&at(key), &live[member], &rule[key]);
            }
            for (key, member) in
                [("start_window", "StartWindowMinutes"), ("complete_window", "CompletionWindowMinutes")]
            {
                if let Some(wanted) = rule.get(key) {
                    self.same(&at(key), &live[member], &minutes(wanted));
                }
            }
            self.lifecycle(&at(""), &rule, &live["Lifecycle"]);
            if let Some(copies) = rule.get("copy_actions").and_then(Value::as_array) {
                let arns: Value = live["CopyActions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|copy| copy["DestinationBackupVaultArn"].clone())
                    .collect();
                let wanted: Value = copies.iter().map(|copy| copy["vault"].clone()).collect();
                self.same_set(&at("copy_actions"), &arns, &set(&wanted));
                for copy in copies {
                    let live = live["CopyActions"].as_array().into_iter().flatten();
                    let live = live.into_iter().find(|live| live["DestinationBackupVaultArn"] == copy["vault"]);
                    self.lifecycle(&at("copy_actions."), copy, &live.cloned().unwrap_or_default()["Lifecycle"]);
                }
            }
        }
    }

    fn lifecycle(&mut self, at: &str, declared: &Value, live: &Value) {
        let members =
            [("delete_after", "DeleteAfterDays"), ("move_to_cold_storage_after", "MoveToColdStorageAfterDays")];
        for (key, member) in members.into_iter().filter(|(key, _)| declared.get(key).is_some()) {
            self.same(&format!("{at}{key}"), &live[member], &days(&declared[key]));
        }
        if let Some(wanted) = declared.get("opt_in_to_archive_for_supported_resources") {
            self.same(&format!("{at}opt_in"), &live["OptInToArchiveForSupportedResources"], wanted);
        }
    }

    fn selections(&mut self, address: &str, plan: &Value, id: &Value) {
        let listed = self.call("backup", "ListBackupSelections", id);
        let listed: Vec<Value> = listed["BackupSelectionsList"].as_array().cloned().unwrap_or_default();
        let key = address.split('.').nth(1).unwrap_or_default().to_owned();
        for (child, selection) in plan["selection"].as_object().into_iter().flatten() {
            let own = format!("selection.{key}.{child}");
            if !(self.in_order)(&own) {
                continue;
            }
            let name = name_of(child, selection);
            let named: Vec<&Value> = listed.iter().filter(|one| one["SelectionName"] == name).collect();
            let [one] = named.as_slice() else {
                self.wrong.push(format!("{own}: {} selections of its name", named.len()));
                continue;
            };
            let input = json!({ "BackupPlanId": id["BackupPlanId"], "SelectionId": one["SelectionId"] });
            let found = self.call("backup", "GetBackupSelection", &input)["BackupSelection"].clone();
            self.same(&format!("{own}.role"), &found["IamRoleArn"], &json!(format!("{OWN}role/Backup")));
            self.matched(&own, &selection["match"], &found);
        }
    }

    fn matched(&mut self, own: &str, declared: &Value, found: &Value) {
        let pairs = |value: &Value| -> BTreeSet<String> {
            let tags = value.as_object().into_iter().flatten();
            tags.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
        };
        let listed = |value: &Value, key: &str, item: &str| -> Value {
            let items = value.as_array().into_iter().flatten();
            let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let pair = |one: &Value| {
                let name = text(one, key);
                json!(format!("{}={}", name.strip_prefix("aws:ResourceTag/").unwrap_or(&name), text(one, item)))
            };
            items.map(pair).collect()
        };
        let conditions = [
            ("all", "StringEquals"),
            ("like", "StringLike"),
            ("not_equals", "StringNotEquals"),
            ("not_like", "StringNotLike"),
        ];
        for (key, member) in conditions {
            let live = listed(&found["Conditions"][member], "ConditionKey", "ConditionValue");
            self.same_set(&format!("{own}.{key}"), &live, &pairs(&declared[key]));
        }
        let any = listed(&found["ListOfTags"], "ConditionKey", "ConditionValue");
        self.same_set(&format!("{own}.any"), &any, &pairs(&declared["any"]));
        self.same_set(&format!("{own}.not_arns"), &found["NotResources"], &set(&declared["not_arns"]));
        // Where the file names no ARNs, instances are what vssctl is about.
        let mut arns = set(&declared["arns"]);
        if arns.is_empty() && set(&found["Resources"]) == BTreeSet::from(["arn:aws:ec2:*:*:instance/*".to_owned()]) {
            arns = set(&found["Resources"]);
        }
        self.same_set(&format!("{own}.arns"), &found["Resources"], &arns);
    }

    fn restore_tests(&mut self) {
        for (address, test) in self.entries("restore_test") {
            let named = json!({ "RestoreTestingPlanName": test["name"] });
            let found = self.call("backup", "GetRestoreTestingPlan", &named)["RestoreTestingPlan"].clone();
            self.same(&format!("{address}.schedule"), &found["ScheduleExpression"], &test["schedule"]);
            if let Some(zone) = test.get("timezone") {
                self.same(&format!("{address}.timezone"), &found["ScheduleExpressionTimezone"], zone);
            }
            if let Some(window) = test.get("start_window") {
                self.same(&format!("{address}.start_window"), &found["StartWindowHours"], &hours(window));
            }
            let (points, live) = (&test["recovery_point_selection"], &found["RecoveryPointSelection"]);
            self.same(&format!("{address}.algorithm"), &live["Algorithm"], &points["algorithm"]);
            if let Some(window) = points.get("selection_window") {
                self.same(&format!("{address}.selection_window"), &live["SelectionWindowDays"], &days(window));
            }
            let listed = self.call("backup", "ListRestoreTestingSelections", &named);
            let listed: Value = listed["RestoreTestingSelections"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|one| one["RestoreTestingSelectionName"].clone())
                .collect();
            let mut wanted = BTreeSet::new();
            for (key, selection) in test["selection"].as_object().into_iter().flatten() {
                let name = name_of(key, selection);
                wanted.insert(name.clone());
                let input = json!({
                    "RestoreTestingPlanName": test["name"], "RestoreTestingSelectionName": name,
                });
                let found =
                    self.call("backup", "GetRestoreTestingSelection", &input)["RestoreTestingSelection"].clone();
                let at = |key: &str| format!("{address}.selection.{name}.{key}");
                self.same(&at("role"), &found["IamRoleArn"], &json!(format!("{OWN}role/Backup")));
                if let Some(overrides) = selection.get("overrides") {
                    self.same(&at("overrides"), &found["RestoreMetadataOverrides"], overrides);
                }
                if let Some(window) = selection.get("validation_window") {
                    self.same(&at("validation_window"), &found["ValidationWindowHours"], &hours(window));
                }
            }
            self.same_set(&format!("{address}.selection"), &listed, &wanted);
        }
    }

    fn packages(&mut self) {
        for (address, package) in self.entries("package") {
            if package["schedule"].is_null() {
                continue;
            }
            let key = package.get("renamed_from").and_then(Value::as_str).or(address.split('.').nth(1));
            let default = json!(format!("vssctl-{}", key.unwrap_or_default()));
            let name = package.get("name").cloned().unwrap_or(default);
            let listed = self.call("ssm", "ListAssociations", &json!({}));
            let ids: Vec<Value> = listed["Associations"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|one| one["AssociationName"] == name)
                .map(|one| one["AssociationId"].clone())
                .collect();
            let found = ids.into_iter().find_map(|id| {
                let input = json!({ "ResourceType": "Association", "ResourceId": id });
                let tags = self.call("ssm", "ListTagsForResource", &input)["TagList"].clone();
                let is_ours = tags.as_array().into_iter().flatten().any(|tag| tag["Value"] == json!(address));
                is_ours.then(|| {
                    let described = self.call("ssm", "DescribeAssociation", &json!({ "AssociationId": id }));
                    (described["AssociationDescription"].clone(), tags)
                })
            });
            let Some((found, tags)) = found else {
                self.wrong.push(format!("{address}: no association `{name}` has its mark"));
                continue;
            };
            let fields = [
                ("schedule", "ScheduleExpression"),
                ("apply_only_at_cron_interval", "ApplyOnlyAtCronInterval"),
                ("schedule_offset", "ScheduleOffset"),
                ("duration", "Duration"),
                ("compliance_severity", "ComplianceSeverity"),
                ("sync_compliance", "SyncCompliance"),
                ("calendar_names", "CalendarNames"),
            ];
            for (key, member) in fields.into_iter().filter(|(key, _)| package.get(key).is_some()) {
                self.same(&format!("{address}.{key}"), &found[member], &package[key]);
            }
            for (key, member) in [("max_concurrency", "MaxConcurrency"), ("max_errors", "MaxErrors")] {
                if let Some(wanted) = package.get(key) {
                    let wanted = wanted.as_str().map_or_else(|| json!(wanted.to_string()), |text| json!(text));
                    self.same(&format!("{address}.{key}"), &found[member], &wanted);
                }
            }
            let output = &found["OutputLocation"]["S3Location"];
            let of_output = [
                ("output_s3_bucket", "OutputS3BucketName"),
                ("output_s3_key_prefix", "OutputS3KeyPrefix"),
                ("output_s3_region", "OutputS3Region"),
            ];
            for (key, member) in of_output.into_iter().filter(|(key, _)| package.get(key).is_some()) {
                self.same(&format!("{address}.{key}"), &output[member], &package[key]);
            }
            let parameters = [("action", "action"), ("installation_type", "installationType"), ("version", "version")];
            for (key, member) in parameters.into_iter().filter(|(key, _)| package.get(key).is_some()) {
                self.same(&format!("{address}.{key}"), &found["Parameters"][member][0], &package[key]);
            }
            self.tags(&address, &package, &tags);
        }
    }

    fn region_settings(&mut self) {
        if !(self.in_order)("region_settings") {
            return;
        }
        let found = self.call("backup", "DescribeRegionSettings", &json!({}));
        let maps = [
            ("resource_type_opt_in", "ResourceTypeOptInPreference"),
            ("resource_type_management", "ResourceTypeManagementPreference"),
        ];
        for (key, member) in maps {
            for (name, on) in self.file["region_settings"][key].as_object().cloned().unwrap_or_default() {
                self.same(&format!("region_settings.{key}.{name}"), &found[member][&name], &on);
            }
        }
    }
}
