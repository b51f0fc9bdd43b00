//! Run Command.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{flag, items, moment, paged, refusal, required, text, texts};
use super::runs::{Invocation, Run, run, share};
use super::targets::is_instance_id;
use super::{documents, executions, targets};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::made;

/// A command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// A UUID.
    pub id: String,
    /// Milliseconds since 1970.
    pub requested: i64,
    /// The members of the call that created it.
    pub definition: Map<String, Value>,
    /// Whether someone cancelled it.
    pub cancelled: bool,
    /// The invocations, one for each instance.
    pub invocations: Vec<Invocation>,
}

impl Command {
    fn member(&self, name: &str) -> &str {
        self.definition.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn timeout(&self) -> i64 {
        self.definition.get("TimeoutSeconds").and_then(Value::as_i64).unwrap_or(3600)
    }

    fn count(&self, now: i64, status: &str) -> usize {
        self.invocations.iter().filter(|one| one.state(now).0 == status).count()
    }

    fn state(&self, now: i64) -> (&'static str, &'static str) {
        let all = self.invocations.len();
        let over = self.invocations.iter().filter(|one| one.is_over(now)).count();
        let errors = self.count(now, "Failed");
        if all == 0 {
            ("Success", "NoInstancesInTag")
        } else if self.count(now, "Pending") == all {
            ("Pending", "Pending")
        } else if over < all {
            ("InProgress", "InProgress")
        } else if self.cancelled {
            ("Cancelled", "Cancelled")
        } else if errors > share(self.limit("MaxErrors", "0"), all) {
            ("Failed", "Failed")
        } else if self.count(now, "TimedOut") > 0 {
            ("TimedOut", "DeliveryTimedOut")
        } else if errors > 0 {
            ("Failed", "Incomplete")
        } else {
            ("Success", "Success")
        }
    }

    fn limit<'a>(&'a self, member: &str, default: &'a str) -> &'a str {
        self.definition.get(member).and_then(Value::as_str).unwrap_or(default)
    }

    fn described(&self, now: i64) -> Value {
        let mut members = self.definition.clone();
        for (name, default) in
            [("DocumentVersion", "$DEFAULT"), ("Comment", ""), ("MaxConcurrency", "50"), ("MaxErrors", "0")]
        {
            members.entry(name).or_insert_with(|| json!(default));
        }
        members.entry("Parameters").or_insert_with(|| json!({}));
        members.entry("InstanceIds").or_insert_with(|| json!([]));
        members.entry("Targets").or_insert_with(|| json!([]));
        let (status, details) = self.state(now);
        let over = self.invocations.iter().filter(|one| one.is_over(now)).count();
        members.extend(
            [
                ("CommandId", json!(self.id)),
                ("RequestedDateTime", made::timestamp(self.requested)),
                ("ExpiresAfter", made::timestamp(self.requested + self.timeout() * 1000)),
                ("TimeoutSeconds", json!(self.timeout())),
                ("Status", json!(status)),
                ("StatusDetails", json!(details)),
                ("TargetCount", json!(self.invocations.len())),
                ("CompletedCount", json!(over)),
                ("ErrorCount", json!(self.count(now, "Failed"))),
                ("DeliveryTimedOutCount", json!(self.count(now, "TimedOut"))),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        Value::Object(members)
    }
}

/// The members of the call that the command shows.
const MEMBERS: [&str; 13] = [
    "DocumentName",
    "DocumentVersion",
    "Comment",
    "Parameters",
    "InstanceIds",
    "Targets",
    "OutputS3Region",
    "OutputS3BucketName",
    "OutputS3KeyPrefix",
    "MaxConcurrency",
    "MaxErrors",
    "TimeoutSeconds",
    "CloudWatchOutputConfig",
];

pub(super) fn send(context: &mut Context<'_>, input: &Value) -> Answer {
    let document = documents::find(required(input, "DocumentName"))?;
    documents::check_version(document, text(input, "DocumentVersion"))?;
    if text(input, "DocumentHashType").is_none_or(|kind| kind == "Sha256")
        && text(input, "DocumentHash").is_some_and(|hash| !hash.eq_ignore_ascii_case(&document.hash()))
    {
        return Err(refusal("InvalidDocument", "The document hash does not match the document."));
    }
    document.check(input.get("Parameters").and_then(Value::as_object))?;
    let ids = texts(input, "InstanceIds");
    let targets = targets::read(input).map_err(|error| refusal("InvalidParameters", error.message))?;
    if ids.is_empty() == targets.is_empty() {
        return Err(refusal("ValidationException", "Either InstanceIds or Targets must be specified, but not both."));
    }
    if let Some(twice) = ids.iter().enumerate().find(|(index, id)| ids[..*index].contains(id)).map(|(_, id)| id) {
        return Err(refusal("DuplicateInstanceId", format!("Instance id {twice} is given twice.")));
    }
    let now = context.now;
    let account = context.account_id.to_owned();
    let id = context.uuid();
    let region = context.region_mut();
    let named =
        ids.iter().chain(targets.iter().flat_map(|(_, values)| values.iter().filter(|value| is_instance_id(value))));
    let unknown: Vec<&str> = named.filter(|id| !region.fleet.instances.contains_key(*id)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let message = format!("Instances [[{}]] not in a valid state for account {account}", unknown.join(", "));
        return Err(refusal("InvalidInstanceId", message));
    }
    for instance in ids.iter().filter_map(|id| region.fleet.instances.get(id)) {
        if !document.runs_on(instance.platform.as_str()) {
            let message =
                format!("Document {} does not support the platform of instance {}.", document.name, instance.id);
            return Err(refusal("UnsupportedPlatformType", message));
        }
    }
    let mut definition: Map<String, Value> = input.as_object().cloned().unwrap_or_default();
    definition.retain(|name, value| MEMBERS.contains(&name.as_str()) && !value.is_null());
    definition.insert("DocumentName".to_owned(), json!(document.name));
    let mut command = Command { id: id.clone(), requested: now, definition, cancelled: false, invocations: Vec::new() };
    if let Some(role) = text(input, "ServiceRoleArn") {
        command.definition.insert("ServiceRole".to_owned(), json!(role));
    }
    if let Some(config) = input.get("NotificationConfig") {
        command.definition.insert("NotificationConfig".to_owned(), config.clone());
    }
    let parameters = command.definition.get("Parameters").cloned().unwrap_or_default();
    let mut instances = if targets.is_empty() { ids } else { region.fleet.resolve(&targets) };
    // Tags may select machines for which the document is not made; these are left out.
    instances.retain(|id| document.runs_on(region.fleet.instances[id].platform.as_str()));
    let wanted = Run {
        document,
        parameters: &parameters,
        instances,
        max_concurrency: command.limit("MaxConcurrency", "50"),
        max_errors: command.limit("MaxErrors", "0"),
        delivery_seconds: command.timeout(),
        by: &id,
    };
    let invocations = run(&mut region.fleet, &wanted, now);
    command.invocations = invocations;
    let described = command.described(now);
    region.ssm.commands.insert(id, command);
    Ok(json!({ "Command": described }))
}

/// Returns the commands that the filters of both lists choose, newest first.
fn chosen<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<Vec<&'a Command>, ApiError> {
    let now = context.now;
    let region = context.region_mut();
    if let Some(id) = text(input, "CommandId").filter(|id| !region.ssm.commands.contains_key(*id)) {
        return Err(refusal("InvalidCommandId", format!("Command {id} does not exist.")));
    }
    if let Some(id) = text(input, "InstanceId").filter(|id| !region.fleet.instances.contains_key(*id)) {
        return Err(refusal("InvalidInstanceId", format!("Instance {id} is not a managed node.")));
    }
    for filter in items(input, "Filters") {
        let value = required(filter, "value");
        if required(filter, "key").starts_with("Invoked") && moment(value).is_none() {
            return Err(refusal(
                "ValidationException",
                format!("'{value}' is not a time such as 2026-01-31T00:00:00Z"),
            ));
        }
    }
    let fits = |command: &Command, key: &str, value: &str| match key {
        "InvokedAfter" => moment(value).is_some_and(|from| command.requested > from),
        "InvokedBefore" => moment(value).is_some_and(|to| command.requested < to),
        "DocumentName" => command.member("DocumentName") == value,
        "ExecutionStage" => (value == "Complete") == command.invocations.iter().all(|one| one.is_over(now)),
        _ => {
            let (status, details) = command.state(now);
            value == status || value == details
        }
    };
    let mut commands: Vec<&Command> = region
        .ssm
        .commands
        .values()
        .filter(|command| text(input, "CommandId").is_none_or(|id| command.id == id))
        .filter(|command| {
            text(input, "InstanceId").is_none_or(|id| command.invocations.iter().any(|one| one.instance_id == id))
        })
        .filter(|command| {
            items(input, "Filters")
                .iter()
                .all(|filter| fits(command, required(filter, "key"), required(filter, "value")))
        })
        .collect();
    commands.sort_by(|a, b| b.requested.cmp(&a.requested).then_with(|| a.id.cmp(&b.id)));
    Ok(commands)
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let commands = chosen(context, input)?;
    let all = commands.into_iter().map(|command| (command.id.clone(), command.described(now))).collect();
    paged("ListCommands", input, "Commands", 50, all)
}

/// Writes the only plugin of an invocation.
fn plugin(command: &Command, invocation: &Invocation, now: i64) -> Value {
    let (status, details) = invocation.state(now);
    let step = documents::find(command.member("DocumentName")).map(|document| document.step).unwrap_or_default();
    let over = invocation.is_over(now);
    let mut plugin = json!({
        "Name": step,
        "Status": status,
        "StatusDetails": details,
        "ResponseCode": if over { invocation.code } else { -1 },
        "Output": if over { shown_output(invocation).chars().take(2500).collect::<String>() } else { String::new() },
        "OutputS3Region": "",
        "OutputS3BucketName": command.member("OutputS3BucketName"),
        "OutputS3KeyPrefix": command.member("OutputS3KeyPrefix"),
    });
    if let Some(members) = plugin.as_object_mut() {
        // The model requires at least one character.
        members.retain(|name, value| !name.starts_with("OutputS3") || *value != "");
    }
    if let Some(starts) = invocation.starts.filter(|starts| *starts <= now) {
        plugin["ResponseStartDateTime"] = made::timestamp(starts);
        if over {
            plugin["ResponseFinishDateTime"] = made::timestamp(invocation.ends);
        }
    }
    plugin
}

fn shown_output(invocation: &Invocation) -> String {
    if invocation.error.is_empty() {
        return invocation.output.clone();
    }
    format!("{}\n----------ERROR-------\n{}", invocation.output, invocation.error)
}

pub(super) fn list_invocations(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let names: std::collections::BTreeMap<String, String> = context
        .region_mut()
        .fleet
        .instances
        .values()
        .map(|instance| (instance.id.clone(), instance.computer_name.clone()))
        .collect();
    let mut all = Vec::new();
    for command in chosen(context, input)? {
        for invocation in &command.invocations {
            if text(input, "InstanceId").is_some_and(|id| id != invocation.instance_id) {
                continue;
            }
            let (status, details) = invocation.state(now);
            let plugins = if flag(input, "Details") { vec![plugin(command, invocation, now)] } else { Vec::new() };
            let item = json!({
                "CommandId": command.id,
                "InstanceId": invocation.instance_id,
                "InstanceName": names.get(&invocation.instance_id).cloned().unwrap_or_default(),
                "Comment": command.member("Comment"),
                "DocumentName": command.member("DocumentName"),
                "DocumentVersion": command.limit("DocumentVersion", "$DEFAULT"),
                "RequestedDateTime": made::timestamp(invocation.requested),
                "Status": status,
                "StatusDetails": details,
                "StandardOutputUrl": "",
                "StandardErrorUrl": "",
                "CommandPlugins": plugins,
            });
            all.push((format!("{}/{}", command.id, invocation.instance_id), item));
        }
    }
    paged("ListCommandInvocations", input, "CommandInvocations", 50, all)
}

pub(super) fn get_invocation(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let missing = || refusal("InvocationDoesNotExist", "");
    let id = required(input, "InstanceId");
    let region = context.region_mut();
    let Some(command) = region.ssm.commands.get(required(input, "CommandId")) else {
        let run = executions::output(&region.ssm.associations, required(input, "CommandId"), id);
        return run.map(|(document, invocation)| of_association(input, &document, invocation, now)).ok_or_else(missing);
    };
    let invocation = command.invocations.iter().find(|one| one.instance_id == id).ok_or_else(missing)?;
    let plugin = plugin(command, invocation, now);
    if text(input, "PluginName").is_some_and(|name| plugin["Name"] != name) {
        return Err(refusal("InvalidPluginName", "The plugin name isn't valid."));
    }
    let (status, details) = invocation.state(now);
    let over = invocation.is_over(now);
    let started = invocation.starts.filter(|starts| *starts <= now);
    let written = |time: Option<i64>| {
        let time = time.and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
        time.map_or_else(String::new, |time| format!("{time:.3}"))
    };
    let elapsed =
        started.filter(|_| over).map_or_else(String::new, |starts| format!("PT{}S", (invocation.ends - starts) / 1000));
    Ok(json!({
        "CommandId": command.id,
        "InstanceId": invocation.instance_id,
        "Comment": command.member("Comment"),
        "DocumentName": command.member("DocumentName"),
        "DocumentVersion": command.limit("DocumentVersion", "$DEFAULT"),
        "PluginName": plugin["Name"],
        "ResponseCode": plugin["ResponseCode"],
        "ExecutionStartDateTime": written(started),
        "ExecutionElapsedTime": elapsed,
        "ExecutionEndDateTime": written(started.filter(|_| over).map(|_| invocation.ends)),
        "Status": status,
        "StatusDetails": details,
        "StandardOutputContent": if over { invocation.output.as_str() } else { "" },
        "StandardOutputUrl": "",
        "StandardErrorContent": if over { invocation.error.as_str() } else { "" },
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": { "CloudWatchOutputEnabled": false },
    }))
}

/// An association also runs a command; its output is read by the id of the output source.
fn of_association(input: &Value, document: &str, invocation: &Invocation, now: i64) -> Value {
    let (status, details) = invocation.state(now);
    let over = invocation.is_over(now);
    let step = documents::find(document).map(|document| document.step).unwrap_or_default();
    json!({
        "CommandId": required(input, "CommandId"),
        "InstanceId": invocation.instance_id,
        "DocumentName": document,
        "DocumentVersion": "$DEFAULT",
        "PluginName": step,
        "ResponseCode": if over { invocation.code } else { -1 },
        "Status": status,
        "StatusDetails": details,
        "StandardOutputContent": if over { invocation.output.as_str() } else { "" },
        "StandardErrorContent": if over { invocation.error.as_str() } else { "" },
    })
}

/// Ends the invocations that are not over yet; a package that was being installed does not arrive.
pub(super) fn cancel(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let region = context.region_mut();
    let id = required(input, "CommandId");
    let ids = texts(input, "InstanceIds");
    let command = region
        .ssm
        .commands
        .get_mut(id)
        .ok_or_else(|| refusal("InvalidCommandId", format!("Command {id} does not exist.")))?;
    if let Some(unknown) = ids.iter().find(|id| !command.invocations.iter().any(|one| one.instance_id == **id)) {
        return Err(refusal(
            "InvalidInstanceId",
            format!("Command {} does not run on instance {unknown}.", command.id),
        ));
    }
    for invocation in command.invocations.iter_mut().filter(|one| ids.is_empty() || ids.contains(&one.instance_id)) {
        if invocation.is_over(now) {
            continue;
        }
        command.cancelled = true;
        invocation.ends = now;
        "Cancelled".clone_into(&mut invocation.status);
        "Cancelled".clone_into(&mut invocation.details);
        invocation.code = -1;
        invocation.output.clear();
        invocation.error.clear();
        if let Some(instance) = region.fleet.instances.get_mut(&invocation.instance_id) {
            instance.package_changes.retain(|change| change.by != command.id || change.at <= now);
        }
    }
    Ok(json!({}))
}
