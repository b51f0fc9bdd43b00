//! What each kind is in a template of AWS CloudFormation. Source: the CloudFormation template reference of each type.

use serde_json::{Map, Value, json};

use super::cloudformation::Ids;
use crate::config::export::Resource;
use crate::kind::Fields;
use crate::kind::diff::is_empty;
use crate::kinds;
use crate::kinds::package::PackageCarried;
use crate::kinds::plan::PlanCarried;
use crate::model::duration::{days, minutes, seconds};
use crate::model::marks::PREFIX;
use crate::model::{Address, KindId};

/// What AWS writes before the tag key of a condition.
const TAG_PREFIX: &str = "aws:ResourceTag/";

/// One resource of a template.
pub(super) struct Part {
    pub(super) id: String,
    pub(super) resource_type: &'static str,
    pub(super) properties: Map<String, Value>,
    /// What an import names it by.
    pub(super) identifier: Value,
}

/// What a resource of ours is in a template.
pub(super) struct Made {
    /// None where CloudFormation has no type for it, or can't have it as it is.
    pub(super) parts: Vec<Part>,
    /// What is not in them: parts of sentences.
    pub(super) unsaid: Vec<String>,
}

/// Properties under construction; what says nothing is left out.
struct Rows(Map<String, Value>);

impl Rows {
    fn new() -> Self {
        Self(Map::new())
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        let value = value.into();
        if !is_empty(&value) {
            self.0.insert(name.to_owned(), value);
        }
        self
    }
}

struct Maker<'a> {
    resource: &'a Resource,
    fields: &'a Fields,
    unsaid: Vec<String>,
}

/// Makes the resources of a template.
pub(super) fn parts(resource: &Resource, address: &Address, ids: &mut Ids) -> Made {
    let mut maker = Maker { resource, fields: &resource.live.fields, unsaid: Vec::new() };
    let named = match resource.kind {
        KindId::Plan | KindId::Selection | KindId::Package => &resource.id,
        _ => &resource.live.name,
    };
    let id = ids.of(resource.kind, named).unwrap_or_default().to_owned();
    let mut made = match resource.kind {
        KindId::Policy => vec![maker.policy(id)],
        KindId::Role => vec![maker.role(id, ids)],
        KindId::InstanceProfile => maker.instance_profile(id, ids).into_iter().collect(),
        KindId::Package => vec![maker.association(id)],
        KindId::Vault => vec![maker.vault(id)],
        KindId::Plan => vec![maker.plan(id, ids)],
        KindId::Selection => vec![maker.selection(id, ids)],
        KindId::RestoreTest => maker.restore_test(&id, address, ids),
        KindId::Attachment | KindId::RegionSettings => {
            maker.unsaid.push("CloudFormation has no type for it".to_owned());
            Vec::new()
        }
    };
    let beside = kinds::of(resource.kind).unsaid(&resource.live).into_iter().filter(|what| !is_said(what));
    maker.unsaid.extend(beside.map(|what| format!("the template does not have {what}")));
    for part in &mut made {
        without_functions(&mut part.properties, &mut maker.unsaid);
    }
    Made { parts: made, unsaid: maker.unsaid }
}

/// Tells whether the template has what the file has no words for.
fn is_said(what: &str) -> bool {
    let members = ["`ScanSettings`", "`IndexActions`", "`ScanActions`", "`AdvancedBackupSettings`", "the parameter"];
    members.iter().any(|member| what.starts_with(member)) || what.ends_with(" of `EC2`")
}

/// The members whose keys come from outside.
const FOREIGN: [&str; 8] = [
    "AccessPolicy",
    "AssumeRolePolicyDocument",
    "BackupPlanTags",
    "BackupVaultTags",
    "Parameters",
    "PolicyDocument",
    "RecoveryPointTags",
    "RestoreMetadataOverrides",
];

/// Takes out members with a key from outside that CloudFormation would take for a function.
fn without_functions(members: &mut Map<String, Value>, unsaid: &mut Vec<String>) {
    members.retain(|name, value| {
        let is_function = FOREIGN.contains(&name.as_str()) && has_function(value);
        if is_function {
            unsaid.push(format!("`{name}` has a key that CloudFormation would take for a function"));
        } else {
            inner_without_functions(value, unsaid);
        }
        !is_function
    });
}

fn inner_without_functions(value: &mut Value, unsaid: &mut Vec<String>) {
    match value {
        Value::Object(members) => without_functions(members, unsaid),
        Value::Array(items) => items.iter_mut().for_each(|item| inner_without_functions(item, unsaid)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn has_function(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let is_function = |key: &String| key == "Ref" || key.starts_with("Fn::");
            members.keys().any(is_function) || members.values().any(has_function)
        }
        Value::Array(items) => items.iter().any(has_function),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn text<'a>(fields: &'a Value, name: &str) -> &'a str {
    fields[name].as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the members of an object that say anything, of those that are named.
fn picked(object: &Value, names: &[&str]) -> Map<String, Value> {
    let mut rows = Rows::new();
    for name in names {
        rows.put(name, object[*name].clone());
    }
    rows.0
}

impl Maker<'_> {
    fn field(&self, name: &str) -> Value {
        self.fields.get(name).cloned().unwrap_or_default()
    }

    fn name(&self) -> &str {
        &self.resource.live.name
    }

    /// Returns the tags, without the marks of vssctl.
    fn tags(&self) -> Map<String, Value> {
        let tags = self.fields.get("tags").and_then(Value::as_object).into_iter().flatten();
        tags.filter(|(key, _)| !key.starts_with(PREFIX)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn tag_list(&self) -> Vec<Value> {
        self.tags().into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    }

    /// Says that a type takes no tags.
    fn without_tags(&mut self) {
        if !self.tags().is_empty() {
            self.unsaid.push("its type has no tags in CloudFormation: they stay as they are".to_owned());
        }
    }

    fn path(&self) -> Value {
        let path = self.field("path");
        if path == "/" { Value::Null } else { path }
    }

    fn policy(&mut self, id: String) -> Part {
        self.without_tags();
        let mut rows = Rows::new();
        rows.put("ManagedPolicyName", self.name())
            .put("Path", self.path())
            .put("Description", self.field("description"))
            .put("PolicyDocument", self.field("document"));
        let identifier = json!({ "PolicyArn": self.resource.live.ids.get("Arn") });
        Part { id, resource_type: "AWS::IAM::ManagedPolicy", properties: rows.0, identifier }
    }

    fn role(&mut self, id: String, ids: &Ids) -> Part {
        let session = self.field("max_session_duration");
        let session = session.as_str().and_then(|text| seconds::parse(text).ok());
        let named = |arn: &str| ids.reference(KindId::Policy, arn);
        let managed: Vec<Value> = texts(self.fields.get("managed_policies")).into_iter().map(named).collect();
        let boundary = self.field("permissions_boundary").as_str().map(named).unwrap_or_default();
        let inline = self.field("inline_policies");
        let inline = inline.as_object().into_iter().flatten();
        let inline: Vec<Value> =
            inline.map(|(name, document)| json!({ "PolicyName": name, "PolicyDocument": document })).collect();
        let mut rows = Rows::new();
        rows.put("RoleName", self.name())
            .put("Path", self.path())
            .put("Description", self.field("description"))
            .put("AssumeRolePolicyDocument", self.field("trust"))
            .put("MaxSessionDuration", session.map_or(Value::Null, Value::from))
            .put("PermissionsBoundary", boundary)
            .put("ManagedPolicyArns", managed)
            .put("Policies", inline)
            .put("Tags", self.tag_list());
        Part { id, resource_type: "AWS::IAM::Role", properties: rows.0, identifier: json!({ "RoleName": self.name() }) }
    }

    fn instance_profile(&mut self, id: String, ids: &Ids) -> Option<Part> {
        let role = self.field("role");
        let Some(role) = role.as_str().filter(|role| !role.is_empty()) else {
            self.unsaid.push("it has no role, which CloudFormation asks for".to_owned());
            return None;
        };
        self.without_tags();
        let mut rows = Rows::new();
        rows.put("InstanceProfileName", self.name())
            .put("Path", self.path())
            .put("Roles", vec![ids.reference(KindId::Role, role)]);
        let identifier = json!({ "InstanceProfileName": self.name() });
        Some(Part { id, resource_type: "AWS::IAM::InstanceProfile", properties: rows.0, identifier })
    }

    fn association(&mut self, id: String) -> Part {
        self.without_tags();
        let whole = self.resource.live.carried.get::<PackageCarried>().map(|carried| carried.whole.clone());
        let whole = whole.unwrap_or_default();
        for (member, is_said) in [
            ("Duration", !whole["Duration"].is_null()),
            ("AssociationDispatchAssumeRole", !is_empty(&whole["AssociationDispatchAssumeRole"])),
        ] {
            if is_said {
                self.unsaid.push(format!("its type has no `{member}` in CloudFormation"));
            }
        }
        let mut rows = Rows::new();
        rows.put("Name", kinds::package::DOCUMENT).put("AssociationName", self.name());
        for member in [
            "Parameters",
            "Targets",
            "ScheduleExpression",
            "ScheduleOffset",
            "MaxConcurrency",
            "MaxErrors",
            "ComplianceSeverity",
            "SyncCompliance",
            "CalendarNames",
            "OutputLocation",
            "AutomationTargetParameterName",
        ] {
            rows.put(member, whole[member].clone());
        }
        if whole["ApplyOnlyAtCronInterval"] == true {
            rows.put("ApplyOnlyAtCronInterval", true);
        }
        let identifier = json!({ "AssociationId": self.resource.id });
        Part { id, resource_type: "AWS::SSM::Association", properties: rows.0, identifier }
    }

    fn vault(&mut self, id: String) -> Part {
        let lock = self.field("lock");
        let retention = |name: &str| days::parse(text(&lock, name)).map_or(Value::Null, Value::from);
        let mut own = Rows::new();
        own.put("MinRetentionDays", retention("min_retention")).put("MaxRetentionDays", retention("max_retention"));
        if lock["mode"] == "compliance" {
            self.unsaid.push("AWS does not tell the `ChangeableForDays` of its lock".to_owned());
        }
        if lock.is_object() && !own.0.contains_key("MinRetentionDays") {
            self.unsaid.push("its lock has no `MinRetentionDays`, which CloudFormation asks for".to_owned());
            own = Rows::new();
        }
        let notifications = self.field("notifications");
        let mut sent = Rows::new();
        sent.put("SNSTopicArn", notifications["topic"].clone())
            .put("BackupVaultEvents", notifications["events"].clone());
        let mut rows = Rows::new();
        rows.put("BackupVaultName", self.name())
            .put("EncryptionKeyArn", self.field("kms_key"))
            .put("AccessPolicy", self.field("access_policy"))
            .put("Notifications", sent.0)
            .put("LockConfiguration", own.0)
            .put("BackupVaultTags", self.tags());
        let identifier = json!({ "BackupVaultName": self.name() });
        Part { id, resource_type: "AWS::Backup::BackupVault", properties: rows.0, identifier }
    }

    fn plan(&mut self, id: String, ids: &Ids) -> Part {
        let whole = self.resource.live.carried.get::<PlanCarried>().map(|carried| carried.0.clone());
        let whole = whole.unwrap_or_default();
        let rules: Vec<Value> = list(&whole["Rules"]).map(|rule| rule_of(rule, ids)).collect();
        let settings = list(&whole["AdvancedBackupSettings"]).map(|it| picked(it, &["ResourceType", "BackupOptions"]));
        let settings: Vec<Value> = settings.map(Value::from).collect();
        let mut plan = Rows::new();
        plan.put("BackupPlanName", self.name())
            .put("BackupPlanRule", rules)
            .put("AdvancedBackupSettings", settings)
            .put("ScanSettings", whole["ScanSettings"].clone());
        let mut rows = Rows::new();
        rows.put("BackupPlan", plan.0).put("BackupPlanTags", self.tags());
        let identifier = json!({ "BackupPlanId": self.resource.id });
        Part { id, resource_type: "AWS::Backup::BackupPlan", properties: rows.0, identifier }
    }

    fn selection(&mut self, id: String, ids: &Ids) -> Part {
        let pairs = |name: &str| {
            let texts = texts(self.fields.get(name)).into_iter().filter_map(|text| text.split_once('='));
            texts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>()
        };
        let mut conditions = Rows::new();
        for (member, name) in [
            ("StringEquals", "all"),
            ("StringLike", "like"),
            ("StringNotEquals", "not_equals"),
            ("StringNotLike", "not_like"),
        ] {
            let rows = pairs(name)
                .into_iter()
                .map(|(key, value)| json!({ "ConditionKey": format!("{TAG_PREFIX}{key}"), "ConditionValue": value }));
            conditions.put(member, rows.collect::<Vec<_>>());
        }
        let any = pairs("any").into_iter().map(
            |(key, value)| json!({ "ConditionType": "STRINGEQUALS", "ConditionKey": key, "ConditionValue": value }),
        );
        let any: Vec<Value> = any.collect();
        let role = self.field("role");
        let mut own = Rows::new();
        own.put("SelectionName", self.name())
            .put("IamRoleArn", ids.attribute(KindId::Role, role.as_str().unwrap_or_default(), "Arn"))
            .put("Resources", self.field("arns"))
            .put("NotResources", self.field("not_arns"))
            .put("ListOfTags", any)
            .put("Conditions", conditions.0);
        let plan = self.resource.plan_id().unwrap_or_default();
        let mut rows = Rows::new();
        rows.put("BackupPlanId", ids.reference(KindId::Plan, plan)).put("BackupSelection", own.0);
        let identifier = json!({ "Id": format!("{}_{plan}", self.resource.id) });
        Part { id, resource_type: "AWS::Backup::BackupSelection", properties: rows.0, identifier }
    }

    fn restore_test(&mut self, id: &str, address: &Address, ids: &mut Ids) -> Vec<Part> {
        let points = self.field("recovery_point_selection");
        let vaults = |name: &str| {
            let arns = texts(points.get(name)).into_iter();
            arns.map(|arn| ids.attribute(KindId::Vault, arn, "BackupVaultArn")).collect::<Vec<Value>>()
        };
        let window = days::parse(text(&points, "selection_window")).map_or(Value::Null, Value::from);
        let mut own = Rows::new();
        own.put("Algorithm", points["algorithm"].clone())
            .put("IncludeVaults", vaults("include_vaults"))
            .put("ExcludeVaults", vaults("exclude_vaults"))
            .put("RecoveryPointTypes", points["recovery_point_types"].clone())
            .put("SelectionWindowDays", window);
        let mut rows = Rows::new();
        rows.put("RestoreTestingPlanName", self.name())
            .put("ScheduleExpression", self.field("schedule"))
            .put("ScheduleExpressionTimezone", self.field("timezone"))
            .put("StartWindowHours", hours(&self.field("start_window")))
            .put("RecoveryPointSelection", own.0)
            .put("Tags", self.tag_list());
        let plan = Part {
            id: id.to_owned(),
            resource_type: "AWS::Backup::RestoreTestingPlan",
            properties: rows.0,
            identifier: json!({ "RestoreTestingPlanName": self.name() }),
        };
        let selections = self.field("selection");
        let selections = selections.as_object().into_iter().flatten();
        let mut parts = vec![plan];
        for (name, fields) in selections {
            let own = ids.give("restore_test", &format!("{}.{name}", address.key()));
            parts.push(self.restore_selection(own, id, name, fields, ids));
        }
        parts
    }

    fn restore_selection(&self, id: String, plan: &str, name: &str, fields: &Value, ids: &Ids) -> Part {
        let mut conditions = Rows::new();
        for (member, field) in [("StringEquals", "all"), ("StringNotEquals", "not_equals")] {
            let tags = texts(fields.get(field)).into_iter().filter_map(|tag| tag.split_once('='));
            let tags = tags.map(|(key, value)| json!({ "Key": format!("{TAG_PREFIX}{key}"), "Value": value }));
            conditions.put(member, tags.collect::<Vec<_>>());
        }
        let overrides = self.resource.overrides.get(name).map(|overrides| json!(overrides)).unwrap_or_default();
        let mut rows = Rows::new();
        rows.put("RestoreTestingPlanName", json!({ "Ref": plan }))
            .put("RestoreTestingSelectionName", name)
            .put("ProtectedResourceType", fields["resource_type"].clone())
            .put("IamRoleArn", ids.attribute(KindId::Role, text(fields, "role"), "Arn"))
            .put("ProtectedResourceArns", fields["arns"].clone())
            .put("ProtectedResourceConditions", conditions.0)
            .put("RestoreMetadataOverrides", overrides)
            .put("ValidationWindowHours", hours(&fields["validation_window"]));
        let identifier = json!({ "RestoreTestingPlanName": self.name(), "RestoreTestingSelectionName": name });
        Part { id, resource_type: "AWS::Backup::RestoreTestingSelection", properties: rows.0, identifier }
    }
}

/// Returns a rule of a plan.
fn rule_of(rule: &Value, ids: &Ids) -> Value {
    let vault = text(rule, "TargetBackupVaultName");
    let mut rows = Rows::new();
    rows.put("RuleName", rule["RuleName"].clone()).put("TargetBackupVault", ids.reference(KindId::Vault, vault));
    for member in [
        "TargetLogicallyAirGappedBackupVaultArn",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "StartWindowMinutes",
        "CompletionWindowMinutes",
        "RecoveryPointTags",
        "IndexActions",
        "ScanActions",
    ] {
        rows.put(member, rule[member].clone());
    }
    if rule["EnableContinuousBackup"] == true {
        rows.put("EnableContinuousBackup", true);
    }
    rows.put("Lifecycle", lifecycle(&rule["Lifecycle"]));
    let copies = list(&rule["CopyActions"]).map(|copy| {
        let mut own = Rows::new();
        let vault = text(copy, "DestinationBackupVaultArn");
        own.put("DestinationBackupVaultArn", ids.attribute(KindId::Vault, vault, "BackupVaultArn"))
            .put("Lifecycle", lifecycle(&copy["Lifecycle"]));
        Value::from(own.0)
    });
    let copies: Vec<Value> = copies.collect();
    rows.put("CopyActions", copies);
    rows.0.into()
}

/// Returns a lifecycle without what means "never".
fn lifecycle(lifecycle: &Value) -> Map<String, Value> {
    let mut own =
        picked(lifecycle, &["DeleteAfterDays", "MoveToColdStorageAfterDays", "OptInToArchiveForSupportedResources"]);
    own.retain(|_, value| value.as_i64() != Some(-1));
    own
}

/// Returns a length of time such as `8h` as a number of hours; null where it is none.
fn hours(value: &Value) -> Value {
    value.as_str().and_then(|text| minutes::parse(text).ok()).map_or(Value::Null, |minutes| Value::from(minutes / 60))
}
