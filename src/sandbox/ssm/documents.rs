//! AWS's own documents, as far as VSS backups need them.

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::input::{items, paged, refusal, required, text, texts};
use crate::sandbox::account::{Answer, ApiError};
use crate::sandbox::made;

/// A document.
pub(super) struct Document {
    pub(super) name: &'static str,
    description: &'static str,
    platforms: &'static [&'static str],
    /// The action of its only step.
    action: &'static str,
    /// The name of its only step.
    pub(super) step: &'static str,
    parameters: &'static [Parameter],
    created: &'static str,
}

struct Parameter {
    name: &'static str,
    list: bool,
    description: &'static str,
    /// The default value; absent where the caller has to give a value.
    default: Option<&'static str>,
    allowed: &'static [&'static str],
    pattern: Option<&'static str>,
}

const fn plain(name: &'static str, default: Option<&'static str>, description: &'static str) -> Parameter {
    Parameter { name, list: false, description, default, allowed: &[], pattern: None }
}

const fn choice(
    name: &'static str,
    default: Option<&'static str>,
    allowed: &'static [&'static str],
    description: &'static str,
) -> Parameter {
    Parameter { name, list: false, description, default, allowed, pattern: None }
}

const fn shaped(
    name: &'static str,
    default: Option<&'static str>,
    pattern: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { name, list: false, description, default, allowed: &[], pattern: Some(pattern) }
}

const BOOLEAN: &[&str] = &["True", "False"];
const SWITCH: &[&str] = &["Enabled", "Disabled"];
const TIMEOUT: &str = r"([1-9][0-9]{0,4}|1[0-6][0-9]{4}|17[0-1][0-9]{3}|172[0-7][0-9]{2}|172800)";

const CREATE_VSS: &[Parameter] = &[
    choice("ExcludeBootVolume", Some("False"), BOOLEAN, "Leaves the boot volume out."),
    plain("description", Some(""), "A description for the snapshots."),
    shaped(
        "tags",
        Some(""),
        r#"[a-zA-Z0-9()\s./\\\-"'@_+:={};,]*"#,
        "Tags for the snapshots: Key=k,Value=v;Key=k2,Value=v2.",
    ),
    choice("CopyOnly", Some("False"), BOOLEAN, "Makes a copy-only backup."),
    choice("NoWriters", Some("False"), BOOLEAN, "Leaves the VSS writers out."),
    choice("CreateAmi", Some("False"), BOOLEAN, "Makes an AMI instead of snapshots."),
    plain("AmiName", Some(""), "The name of the AMI."),
    choice("CollectDiagnosticLogs", Some("False"), BOOLEAN, "Keeps a ZIP of logs."),
    choice("SaveVssMetadata", Some("False"), BOOLEAN, "Keeps the VSS metadata files."),
    shaped("executionTimeout", Some("1800"), TIMEOUT, "How many seconds the step may take."),
];

const INSTALL_AND_CREATE_VSS: &[Parameter] = &[
    shaped("VssVersion", Some(""), "[A-Za-z0-9.]*", "The version of AwsVssComponents; empty: the latest."),
    choice("ExcludeBootVolume", Some("False"), BOOLEAN, "Leaves the boot volume out."),
    plain("description", Some(""), "A description for the snapshots."),
    shaped(
        "tags",
        Some(""),
        r#"[a-zA-Z0-9()\s./\\\-"'@_+:={};,]*"#,
        "Tags for the snapshots: Key=k,Value=v;Key=k2,Value=v2.",
    ),
    choice("CopyOnly", Some("False"), BOOLEAN, "Makes a copy-only backup."),
    choice("NoWriters", Some("False"), BOOLEAN, "Leaves the VSS writers out."),
    choice("CreateAmi", Some("False"), BOOLEAN, "Makes an AMI instead of snapshots."),
    plain("AmiName", Some(""), "The name of the AMI."),
    choice("CollectDiagnosticLogs", Some("False"), BOOLEAN, "Keeps a ZIP of logs."),
    choice("SaveVssMetadata", Some("False"), BOOLEAN, "Keeps the VSS metadata files."),
    shaped("executionTimeout", Some("1800"), TIMEOUT, "How many seconds the step may take."),
];

/// Sorted by name.
pub(super) static DOCUMENTS: [Document; 8] = [
    Document {
        name: "AWS-ConfigureAWSPackage",
        description: "Installs or uninstalls a Distributor package.",
        platforms: &["Windows", "Linux", "MacOS"],
        action: "aws:configurePackage",
        step: "configurePackage",
        parameters: &[
            choice("action", None, &["Install", "Uninstall"], "Whether to install or uninstall the package."),
            choice(
                "installationType",
                Some("Uninstall and reinstall"),
                &["Uninstall and reinstall", "In-place update"],
                "How an installed package is replaced.",
            ),
            shaped(
                "name",
                None,
                concat!(
                    r"^arn:[a-z0-9][-.a-z0-9]{0,62}:[a-z0-9][-.a-z0-9]{0,62}:([a-z0-9][-.a-z0-9]{0,62})?:",
                    r"([a-z0-9][-.a-z0-9]{0,62})?:package/[a-zA-Z][a-zA-Z0-9\-_]{0,39}$",
                    r"|^[a-zA-Z][a-zA-Z0-9\-_]{0,39}$"
                ),
                "The package to install or uninstall.",
            ),
            shaped("version", Some(""), "[A-Za-z0-9.]*", "The version of the package; empty: the latest."),
            shaped(
                "additionalArguments",
                Some("{}"),
                r"\{[\s\S]*\}",
                "More arguments for the package's scripts: a JSON map.",
            ),
        ],
        created: "2017-06-12T00:00:00Z",
    },
    Document {
        name: "AWS-GatherSoftwareInventory",
        description: "Gathers inventory of a managed instance.",
        platforms: &["Windows", "Linux", "MacOS"],
        action: "aws:softwareInventory",
        step: "collectSoftwareInventoryItems",
        parameters: &[
            choice("applications", Some("Enabled"), SWITCH, "Installed applications."),
            choice("awsComponents", Some("Enabled"), SWITCH, "AWS components such as the agent."),
            choice("networkConfig", Some("Enabled"), SWITCH, "Network configurations."),
            choice("windowsUpdates", Some("Enabled"), SWITCH, "Windows updates."),
            choice("instanceDetailedInformation", Some("Enabled"), SWITCH, "Details of the instance."),
            choice("services", Some("Enabled"), SWITCH, "Windows services."),
            choice("windowsRoles", Some("Enabled"), SWITCH, "Windows roles."),
            choice("customInventory", Some("Enabled"), SWITCH, "Custom inventory."),
            choice("billingInfo", Some("Enabled"), SWITCH, "Billing information."),
            plain("files", Some(""), "Files to look for: a JSON list."),
            plain("windowsRegistry", Some(""), "Keys of the registry to read: a JSON list."),
        ],
        created: "2017-06-12T00:00:00Z",
    },
    Document {
        name: "AWS-RunPatchBaseline",
        description: "Scans for or installs patches from a patch baseline.",
        platforms: &["Windows", "Linux", "MacOS"],
        action: "aws:runPowerShellScript",
        step: "PatchWindows",
        parameters: &[
            choice("Operation", None, &["Scan", "Install"], "Whether to scan or to install."),
            plain("AssociationId", Some(""), "For Patch Manager itself."),
            plain("SnapshotId", Some(""), "The id of a snapshot of the baseline."),
            plain("InstallOverrideList", Some(""), "A list of patches that overrides the baseline."),
            plain("BaselineOverride", Some(""), "Baselines that override the one of the patch group."),
            choice("RebootOption", Some("RebootIfNeeded"), &["RebootIfNeeded", "NoReboot"], "Whether to restart."),
        ],
        created: "2017-06-12T00:00:00Z",
    },
    Document {
        name: "AWS-RunPowerShellScript",
        description: "Runs a PowerShell script.",
        platforms: &["Windows", "Linux", "MacOS"],
        action: "aws:runPowerShellScript",
        step: "runPowerShellScript",
        parameters: &[
            Parameter {
                name: "commands",
                list: true,
                description: "The lines of the script.",
                default: None,
                allowed: &[],
                pattern: None,
            },
            plain("workingDirectory", Some(""), "The directory of the script."),
            shaped("executionTimeout", Some("3600"), TIMEOUT, "How many seconds the script may take."),
        ],
        created: "2017-08-31T00:00:00Z",
    },
    Document {
        name: "AWS-UpdateSSMAgent",
        description: "Updates the Systems Manager agent.",
        platforms: &["Windows", "Linux", "MacOS"],
        action: "aws:updateSsmAgent",
        step: "updateSSMAgent",
        parameters: &[
            shaped("version", Some(""), "[0-9.]*", "The version of the agent; empty: the latest."),
            choice("allowDowngrade", Some("false"), &["true", "false"], "Whether an older version may be installed."),
        ],
        created: "2017-06-12T00:00:00Z",
    },
    Document {
        name: "AWSEC2-CreateVssSnapshot",
        description: "Takes VSS-enabled snapshots of a Windows instance.",
        platforms: &["Windows"],
        action: "aws:runPowerShellScript",
        step: "CreateVssSnapshot",
        parameters: CREATE_VSS,
        created: "2017-11-20T00:00:00Z",
    },
    Document {
        name: "AWSEC2-ManageVssIO",
        description: "Freezes or thaws the writes of a Windows instance.",
        platforms: &["Windows"],
        action: "aws:runPowerShellScript",
        step: "ManageVssIO",
        parameters: &[
            choice("Action", None, &["Freeze", "Thaw"], "Whether to freeze or to thaw."),
            choice("CopyOnly", Some("False"), BOOLEAN, "Makes a copy-only backup."),
            choice("NoWriters", Some("False"), BOOLEAN, "Leaves the VSS writers out."),
            shaped("executionTimeout", Some("60"), TIMEOUT, "How many seconds the step may take."),
        ],
        created: "2017-11-20T00:00:00Z",
    },
    Document {
        name: "AWSEC2-VssInstallAndSnapshot",
        description: "Installs AwsVssComponents and takes VSS-enabled snapshots of a Windows instance.",
        platforms: &["Windows"],
        action: "aws:runPowerShellScript",
        step: "CreateVssSnapshot",
        parameters: INSTALL_AND_CREATE_VSS,
        created: "2023-11-06T00:00:00Z",
    },
];

impl Parameter {
    fn kind(&self) -> &'static str {
        if self.list { "StringList" } else { "String" }
    }

    fn check(&self, values: &[String]) -> Result<(), ApiError> {
        if values.is_empty() {
            return Err(refusal("InvalidParameters", format!("Parameter \"{}\" requires a value.", self.name)));
        }
        if !self.list && values.len() > 1 {
            return Err(refusal(
                "InvalidParameters",
                format!("Parameter \"{}\" of type String takes one value.", self.name),
            ));
        }
        for value in values {
            if !self.allowed.is_empty() && !self.allowed.contains(&value.as_str()) {
                let allowed = self.allowed.join(",");
                let message = format!(
                    "Parameter \"{}\" value '{value}' is not one of the allowed values [{allowed}].",
                    self.name
                );
                return Err(refusal("InvalidParameters", message));
            }
            if let Some(pattern) = self.pattern
                && !Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(value))
            {
                let message = format!(
                    "Parameter \"{}\" value '{value}' does not match the allowed pattern {pattern}.",
                    self.name
                );
                return Err(refusal("InvalidParameters", message));
            }
        }
        Ok(())
    }
}

impl Document {
    pub(super) fn runs_on(&self, platform: &str) -> bool {
        self.platforms.contains(&platform)
    }

    /// Checks the parameters of a call against the document's.
    pub(super) fn check(&self, given: Option<&Map<String, Value>>) -> Result<(), ApiError> {
        let empty = Map::new();
        let given = given.unwrap_or(&empty);
        if let Some(name) = given.keys().find(|name| !self.parameters.iter().any(|parameter| parameter.name == *name)) {
            let message = format!("Parameter \"{name}\" is not a parameter of document {}.", self.name);
            return Err(refusal("InvalidParameters", message));
        }
        for parameter in self.parameters {
            match given.get(parameter.name) {
                Some(values) => {
                    let values: Vec<String> =
                        values.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
                    parameter.check(&values)?;
                }
                None if parameter.default.is_none() => parameter.check(&[])?,
                None => {}
            }
        }
        Ok(())
    }

    /// Returns the first value of a parameter, or its default.
    pub(super) fn value<'a>(&self, given: &'a Value, name: &str) -> &'a str {
        let default =
            self.parameters.iter().find(|parameter| parameter.name == name).and_then(|parameter| parameter.default);
        given.get(name).and_then(|values| values.get(0)).and_then(Value::as_str).or(default).unwrap_or_default()
    }

    fn created(&self) -> Value {
        made::timestamp(self.created.parse::<Timestamp>().map(Timestamp::as_millisecond).unwrap_or_default())
    }

    /// Writes the document itself, in schema 2.2.
    pub(super) fn content(&self) -> String {
        let mut parameters = Map::new();
        for parameter in self.parameters {
            let mut described = json!({ "type": parameter.kind(), "description": parameter.description });
            if let Some(default) = parameter.default {
                described["default"] = json!(default);
            }
            if !parameter.allowed.is_empty() {
                described["allowedValues"] = json!(parameter.allowed);
            }
            if let Some(pattern) = parameter.pattern {
                described["allowedPattern"] = json!(pattern);
            }
            parameters.insert(parameter.name.to_owned(), described);
        }
        let inputs: Map<String, Value> = if !["runPowerShellScript", "CreateVssSnapshot", "ManageVssIO"]
            .contains(&self.step)
        {
            self.parameters.iter().map(|one| (one.name.to_owned(), json!(format!("{{{{ {} }}}}", one.name)))).collect()
        } else if self.step == "runPowerShellScript" {
            Map::from_iter([
                ("timeoutSeconds".to_owned(), json!("{{ executionTimeout }}")),
                ("runCommand".to_owned(), json!("{{ commands }}")),
                ("workingDirectory".to_owned(), json!("{{ workingDirectory }}")),
            ])
        } else {
            let line = r"& 'C:\Program Files\Amazon\AwsVssComponents\ec2-vss-agent.exe'";
            Map::from_iter([
                ("timeoutSeconds".to_owned(), json!("{{ executionTimeout }}")),
                ("runCommand".to_owned(), json!([line])),
            ])
        };
        let document = json!({
            "schemaVersion": "2.2",
            "description": self.description,
            "parameters": parameters,
            "mainSteps": [{ "action": self.action, "name": self.step, "inputs": inputs }],
        });
        serde_json::to_string_pretty(&document).expect("a document has only text keys")
    }

    pub(super) fn hash(&self) -> String {
        made::hex(&Sha256::digest(self.content().as_bytes()))
    }
}

/// Finds a document by name or ARN. Each of AWS's documents has one version here.
pub(super) fn find(name: &str) -> Result<&'static Document, ApiError> {
    let short = match name.strip_prefix("arn:") {
        Some(rest) => rest.split_once("document/").map_or(name, |(_, short)| short),
        None => name,
    };
    let found = DOCUMENTS.iter().find(|document| document.name == short);
    found.ok_or_else(|| refusal("InvalidDocument", format!("Document with name {name} does not exist.")))
}

/// Checks that a version of a document exists.
pub(super) fn check_version(document: &Document, version: Option<&str>) -> Result<(), ApiError> {
    match version {
        None | Some("$DEFAULT" | "$LATEST" | "1") => Ok(()),
        Some(other) => {
            let message = format!("Document version {other} does not exist in document {}.", document.name);
            Err(refusal("InvalidDocumentVersion", message))
        }
    }
}

fn found(input: &Value) -> Result<&'static Document, ApiError> {
    let document = find(required(input, "Name"))?;
    check_version(document, text(input, "DocumentVersion"))?;
    if let Some(name) = text(input, "VersionName") {
        return Err(refusal(
            "InvalidDocumentVersion",
            format!("Version name {name} does not exist in document {}.", document.name),
        ));
    }
    Ok(document)
}

pub(super) fn describe(input: &Value) -> Answer {
    let document = found(input)?;
    let described = |parameter: &Parameter| {
        let mut one = json!({ "Name": parameter.name, "Type": parameter.kind(), "Description": parameter.description });
        if let Some(default) = parameter.default {
            one["DefaultValue"] = json!(default);
        }
        one
    };
    Ok(json!({ "Document": {
        "Hash": document.hash(),
        "HashType": "Sha256",
        "Name": document.name,
        "Owner": "Amazon",
        "CreatedDate": document.created(),
        "Status": "Active",
        "DocumentVersion": "1",
        "Description": document.description,
        "Parameters": document.parameters.iter().map(described).collect::<Vec<_>>(),
        "PlatformTypes": document.platforms,
        "DocumentType": "Command",
        "SchemaVersion": "2.2",
        "LatestVersion": "1",
        "DefaultVersion": "1",
        "DocumentFormat": "JSON",
        "Tags": [],
    } }))
}

pub(super) fn get(input: &Value) -> Answer {
    let document = found(input)?;
    if text(input, "DocumentFormat").is_some_and(|format| format != "JSON") {
        return Err(refusal("InvalidDocument", format!("Document {} is offered in JSON only.", document.name)));
    }
    Ok(json!({
        "Name": document.name,
        "CreatedDate": document.created(),
        "DocumentVersion": "1",
        "Status": "Active",
        "Content": document.content(),
        "DocumentType": "Command",
        "DocumentFormat": "JSON",
    }))
}

pub(super) fn list(input: &Value) -> Answer {
    let mut filters: Vec<(String, Vec<String>)> = Vec::new();
    for filter in items(input, "DocumentFilterList") {
        filters.push((required(filter, "key").to_owned(), vec![required(filter, "value").to_owned()]));
    }
    for filter in items(input, "Filters") {
        filters.push((required(filter, "Key").to_owned(), texts(filter, "Values")));
    }
    for (key, _) in &filters {
        if !["Name", "Owner", "PlatformTypes", "DocumentType", "SearchKeyword", "TargetType"].contains(&key.as_str())
            && !key.starts_with("tag:")
        {
            return Err(refusal("InvalidFilterKey", format!("{key} is not a filter of documents.")));
        }
    }
    let fits = |document: &Document, key: &str, value: &str| match key {
        "Name" => document.name.starts_with(value),
        "Owner" => ["Amazon", "Public", "All", "ThirdParty"][..3].contains(&value),
        "PlatformTypes" => document.platforms.contains(&value),
        "DocumentType" => value == "Command",
        "SearchKeyword" => document.name.to_lowercase().contains(&value.to_lowercase()),
        // AWS's documents have no tags and no target type.
        _ => false,
    };
    let chosen = DOCUMENTS
        .iter()
        .filter(|document| filters.iter().all(|(key, values)| values.iter().any(|value| fits(document, key, value))));
    let listed = |document: &Document| {
        json!({
            "Name": document.name,
            "CreatedDate": document.created(),
            "Owner": "Amazon",
            "PlatformTypes": document.platforms,
            "DocumentVersion": "1",
            "DocumentType": "Command",
            "SchemaVersion": "2.2",
            "DocumentFormat": "JSON",
            "Tags": [],
        })
    };
    let all = chosen.map(|document| (document.name.to_owned(), listed(document))).collect();
    paged("ListDocuments", input, "DocumentIdentifiers", 50, all)
}
