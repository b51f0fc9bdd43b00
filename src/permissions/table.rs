//! The table: for every call that vssctl can make, the actions that AWS asks for, on which resources, under which
//! conditions, and why. A row is a statement of the printed documents; `needed` says which files print an action.
//!
//! Sources: the Service Authorization Reference for resources and condition keys; "Access control" in the AWS Backup guide
//! for what a vault needs besides; "Controlling access to IAM using tags", which also says that a role's tags do not decide
//! reliably about `iam:PassRole`, so that passed roles are named.

use serde_json::{Value, json};

use super::facts::{Attachment, Facts, Role, sorted};
use crate::kinds::package::DOCUMENT;
use crate::model::marks::{PREFIX, STACK};

/// What a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Reading what is live.
    Read,
    /// Changing it.
    Write,
    /// A deny, whatever else allows.
    Guard,
    /// Reading how backups went.
    Verify,
    /// Starting one.
    Backup,
}

/// An action and the files that need it.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Such as `iam:CreateRole`.
    pub name: &'static str,
    /// Whether a file needs it.
    pub needed: fn(&Facts) -> bool,
}

/// What a statement is about.
#[derive(Clone, Debug)]
pub struct Target {
    /// ARNs, with wildcards where they must be.
    pub resources: Vec<String>,
    /// The `Condition`, or null.
    pub condition: Value,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its `Sid`.
    pub sid: &'static str,
    /// What it is for.
    pub reach: Reach,
    /// Why it is there, in a sentence for the manual.
    pub why: &'static str,
    /// The actions.
    pub actions: &'static [Action],
    /// Resources and conditions; several make several statements.
    pub targets: fn(&Facts) -> Vec<Target>,
}

const fn action(name: &'static str, needed: fn(&Facts) -> bool) -> Action {
    Action { name, needed }
}

const fn always(name: &'static str) -> Action {
    Action { name, needed: |_| true }
}

fn on(resources: impl IntoIterator<Item = String>, condition: Value) -> Vec<Target> {
    vec![Target { resources: sorted(resources), condition }]
}

fn everything(_: &Facts) -> Vec<Target> {
    on(["*".to_owned()], Value::Null)
}

// ------------------------------------------------------------------------------------------------ which kinds a file has

fn roles(facts: &Facts) -> bool {
    facts.prunes || !facts.roles.is_empty()
}

fn declared_roles(facts: &Facts) -> bool {
    !facts.roles.is_empty()
}

fn policies(facts: &Facts) -> bool {
    facts.prunes || !facts.policies.is_empty()
}

fn declared_policies(facts: &Facts) -> bool {
    !facts.policies.is_empty()
}

fn profiles(facts: &Facts) -> bool {
    facts.prunes || !facts.profiles.is_empty()
}

fn declared_profiles(facts: &Facts) -> bool {
    !facts.profiles.is_empty()
}

fn attachments(facts: &Facts) -> bool {
    !facts.attachments.is_empty()
}

/// Whoever deletes a profile has to know which instances carry it.
fn carriers(facts: &Facts) -> bool {
    profiles(facts) || attachments(facts)
}

fn packages(facts: &Facts) -> bool {
    facts.prunes || !facts.packages.is_empty()
}

fn associations(facts: &Facts) -> bool {
    facts.has_associations()
}

fn commands(facts: &Facts) -> bool {
    facts.packages.iter().any(|package| package.is_command)
}

/// What is installed on instances is read: for the version gate, for versions that commands ask for, for canaries.
fn installed(facts: &Facts) -> bool {
    facts.gated || facts.packages.iter().any(|package| package.is_compared)
}

/// Commands run on some instances ahead of the others.
fn firsts(facts: &Facts) -> bool {
    facts.packages.iter().any(|package| package.goes_first)
}

fn waits(facts: &Facts) -> bool {
    facts.packages.iter().any(|package| package.waits)
}

fn vaults(facts: &Facts) -> bool {
    facts.prunes || !facts.vaults.is_empty()
}

fn plans(facts: &Facts) -> bool {
    facts.prunes || facts.has_plans
}

fn declared_plans(facts: &Facts) -> bool {
    facts.has_plans
}

fn backup(facts: &Facts) -> bool {
    vaults(facts) || plans(facts)
}

fn described_roles(facts: &Facts) -> bool {
    facts.roles.iter().any(|role| role.is_described)
}

fn restore_tests(facts: &Facts) -> bool {
    facts.prunes || facts.has_restore_tests
}

fn declared_restore_tests(facts: &Facts) -> bool {
    facts.has_restore_tests
}

fn region_settings(facts: &Facts) -> bool {
    facts.has_region_settings
}

// ---------------------------------------------------------------------------------------------------------- conditions

/// The creating call writes our mark.
fn marks(facts: &Facts) -> Value {
    json!({ "StringEquals": { format!("aws:RequestTag/{STACK}"): facts.scope.stack } })
}

/// The request writes our mark on something that is new or nobody's, or ours already.
fn claims(facts: &Facts) -> Value {
    let mut condition = marks(facts);
    condition["StringEqualsIfExists"] = json!({ format!("aws:ResourceTag/{STACK}"): facts.scope.stack });
    condition
}

/// The thing carries our mark.
fn own(facts: &Facts) -> Value {
    json!({ "StringEquals": { format!("aws:ResourceTag/{STACK}"): facts.scope.stack } })
}

/// The thing carries our mark, and the request does not give it to another stack.
fn own_and_stays(facts: &Facts) -> Value {
    json!({
        "StringEquals": { format!("aws:ResourceTag/{STACK}"): facts.scope.stack },
        "StringEqualsIfExists": { format!("aws:RequestTag/{STACK}"): facts.scope.stack },
    })
}

fn with(mut condition: Value, operator: &str, key: &str, value: Value) -> Value {
    condition[operator][key] = value;
    condition
}

fn passed_to(facts: &Facts, service: &str) -> Value {
    let mut names = vec![format!("{service}.amazonaws.com")];
    if facts.scope.partition() == "aws-cn" {
        names.push(format!("{service}.amazonaws.com.cn"));
    }
    json!({ "StringEquals": { "iam:PassedToService": names } })
}

// ----------------------------------------------------------------------------------------------------------- resources

fn role_arns(facts: &Facts, wanted: fn(&Role) -> bool) -> impl Iterator<Item = String> {
    facts.roles.iter().filter(move |role| wanted(role)).map(|role| role.arn.clone())
}

fn own_roles(facts: &Facts) -> [String; 1] {
    [facts.own_iam("role", facts.roles.iter().map(|role| role.arn.as_str()))]
}

fn own_policies(facts: &Facts) -> [String; 1] {
    [facts.own_iam("policy", facts.policies.iter().map(|policy| policy.arn.as_str()))]
}

fn own_profiles(facts: &Facts) -> [String; 1] {
    [facts.own_iam("instance-profile", facts.profiles.iter().map(|profile| profile.arn.as_str()))]
}

/// IAM things by name, at whatever path they are.
fn by_name<'a>(facts: &'a Facts, resource: &'a str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.flat_map(|name| ["/", "/*/"].map(|path| facts.scope.iam_arn(resource, path, name))).collect()
}

fn vault_arns(facts: &Facts) -> Vec<String> {
    facts.vaults.iter().map(|vault| vault.arn.clone()).collect()
}

fn any_vault(facts: &Facts) -> Vec<String> {
    if vaults(facts) { vec![facts.arn("backup", "backup-vault:*")] } else { Vec::new() }
}

fn any_plan(facts: &Facts) -> Vec<String> {
    if plans(facts) { vec![facts.arn("backup", "backup-plan:*")] } else { Vec::new() }
}

fn any_restore_test(facts: &Facts) -> Vec<String> {
    if restore_tests(facts) { vec![facts.arn("backup", "restore-testing-plan:*")] } else { Vec::new() }
}

fn any_association(facts: &Facts) -> [String; 1] {
    [facts.arn("ssm", "association/*")]
}

fn package_document(facts: &Facts) -> [String; 1] {
    [format!("arn:{}:ssm:{}::document/{DOCUMENT}", facts.scope.partition(), facts.scope.region)]
}

/// The instances of the packages: by id, by tags, or all where a resource group or `*` names them.
fn package_instances(facts: &Facts, wanted: fn(&super::facts::Package) -> bool) -> Vec<Target> {
    let (mut named, mut targets): (Vec<String>, Vec<Target>) = (Vec::new(), Vec::new());
    for package in facts.packages.iter().filter(|package| wanted(package)) {
        if !package.instances.is_empty() {
            named.extend(package.instances.iter().map(|id| {
                let managed = id.starts_with("mi-");
                let (service, kind) = if managed { ("ssm", "managed-instance") } else { ("ec2", "instance") };
                facts.arn(service, &format!("{kind}/{id}"))
            }));
            continue;
        }
        let mut condition = Value::Null;
        for (name, values) in &package.tags {
            condition = with(condition, "StringEquals", &format!("aws:ResourceTag/{name}"), json!(values));
        }
        let target = Target { resources: vec![facts.arn("ec2", "instance/*")], condition };
        if !targets.iter().any(|known| known.condition == target.condition) {
            targets.push(target);
        }
    }
    if !named.is_empty() {
        targets.extend(on(named, Value::Null));
    }
    targets
}

/// The instances of the attachments, which get the file's profiles and no others.
fn attached_instances(facts: &Facts, add: impl Fn(&Attachment, Value) -> Value) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for one in &facts.attachments {
        let mut condition = json!({ "ArnEquals": { "ec2:NewInstanceProfile": one.profile } });
        for (name, values) in &one.tags {
            condition = with(condition, "StringEquals", &format!("aws:ResourceTag/{name}"), json!(values));
        }
        let instances = one.instances.iter().map(|id| facts.arn("ec2", &format!("instance/{id}")));
        let all = one.instances.is_empty().then(|| facts.arn("ec2", "instance/*"));
        targets.extend(on(instances.chain(all), add(one, condition)));
    }
    targets
}

/// Groups the roles that have something by their boundary: what gives a role power asks for the boundary as well.
fn by_boundary(facts: &Facts, wanted: impl Fn(&Role) -> bool, condition: &Value) -> Vec<Target> {
    let boundary = |role: &Role| role.boundary.clone().filter(|arn| !arn.is_empty());
    let boundaries: std::collections::BTreeSet<Option<String>> =
        facts.roles.iter().filter(|role| wanted(role)).map(boundary).collect();
    let target = |arn: Option<String>| {
        let resources = facts.roles.iter().filter(|role| wanted(role) && boundary(role) == arn);
        let resources = sorted(resources.map(|role| role.arn.clone()));
        let condition = match &arn {
            Some(arn) => with(condition.clone(), "StringEquals", "iam:PermissionsBoundary", json!(arn)),
            None => condition.clone(),
        };
        Target { resources, condition }
    };
    boundaries.into_iter().map(target).collect()
}

/// Groups the roles that get managed policies by which, and by their boundary.
fn by_policies(facts: &Facts) -> Vec<Target> {
    let lists: std::collections::BTreeSet<&Vec<String>> =
        facts.roles.iter().map(|role| &role.managed).filter(|list| !list.is_empty()).collect();
    let of_list = |list: &Vec<String>| {
        let condition = with(own(facts), "ArnEquals", "iam:PolicyARN", json!(list));
        by_boundary(facts, |role| role.managed == *list, &condition)
    };
    lists.into_iter().flat_map(of_list).collect()
}

/// The table.
pub static TABLE: &[Row] = &[
    // ------------------------------------------------------------------------------------------------------------ reads
    Row {
        sid: "Lists",
        reach: Reach::Read,
        why: "Finds what the stack has, in one sweep of each service, and whose the things of the file's names are. These \
              actions know no resources.",
        actions: &[
            always("iam:GetAccountAuthorizationDetails"),
            always("iam:ListInstanceProfiles"),
            action("iam:ListRoles", described_roles),
            always("tag:GetResources"),
            always("backup:ListBackupPlans"),
            always("backup:ListBackupVaults"),
            action("backup:ListRestoreTestingPlans", restore_tests),
            action("backup:DescribeRegionSettings", region_settings),
            action("ec2:DescribeInstances", attachments),
            action("ec2:DescribeIamInstanceProfileAssociations", carriers),
            action("ssm:ListAssociations", |facts| packages(facts) || installed(facts)),
            action("ssm:ListCommands", commands),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadInstanceProfiles",
        reach: Reach::Read,
        why: "Reads the tags of the file's instance profiles where the Tagging API's index does not show them yet.",
        actions: &[action("iam:GetInstanceProfile", declared_profiles)],
        targets: |facts| {
            let names = facts.profiles.iter().map(|profile| profile.name.as_str());
            on(by_name(facts, "instance-profile", names), Value::Null)
        },
    },
    Row {
        sid: "ReadPolicies",
        reach: Reach::Read,
        why: "Reads descriptions and tags of the file's customer managed policies.",
        actions: &[action("iam:GetPolicy", declared_policies)],
        targets: |facts| {
            on(by_name(facts, "policy", facts.policies.iter().map(|policy| policy.name.as_str())), Value::Null)
        },
    },
    Row {
        sid: "ReadVaultsAndPlans",
        reach: Reach::Read,
        why: "Reads the tags of vaults and plans at their source, as the Tagging API's index lags behind.",
        actions: &[action("backup:ListTags", backup)],
        targets: |facts| on([any_vault(facts), any_plan(facts)].concat(), Value::Null),
    },
    Row {
        sid: "ReadPlans",
        reach: Reach::Read,
        why: "Reads plans and their selections. Their ids are AWS's, so that no ARN can be known beforehand.",
        actions: &[
            action("backup:GetBackupPlan", plans),
            action("backup:ListBackupSelections", plans),
            action("backup:GetBackupSelection", plans),
        ],
        targets: |facts| on(any_plan(facts), Value::Null),
    },
    Row {
        sid: "ReadRestoreTests",
        reach: Reach::Read,
        why: "Reads restore testing plans with their selections and tags. The end of their ARNs is AWS's.",
        actions: &[
            always("backup:GetRestoreTestingPlan"),
            always("backup:ListRestoreTestingSelections"),
            always("backup:GetRestoreTestingSelection"),
            always("backup:ListTags"),
        ],
        targets: |facts| on(any_restore_test(facts), Value::Null),
    },
    Row {
        sid: "ReadVaultPolicies",
        reach: Reach::Read,
        why: "Reads the access policies of the vaults that declare one or a key.",
        actions: &[always("backup:GetBackupVaultAccessPolicy")],
        targets: |facts| {
            on(
                facts
                    .vaults
                    .iter()
                    .filter(|vault| vault.has_policy || vault.key.is_some())
                    .map(|vault| vault.arn.clone()),
                Value::Null,
            )
        },
    },
    Row {
        sid: "ReadVaultNotifications",
        reach: Reach::Read,
        why: "Reads the notifications of the vaults that declare some or a key.",
        actions: &[always("backup:GetBackupVaultNotifications")],
        targets: |facts| {
            on(
                facts
                    .vaults
                    .iter()
                    .filter(|vault| vault.has_notifications || vault.key.is_some())
                    .map(|vault| vault.arn.clone()),
                Value::Null,
            )
        },
    },
    Row {
        sid: "ReadAssociations",
        reach: Reach::Read,
        why: "Reads State Manager associations, and what the runs of them that install packages came to. AWS asks for the association's document as well.",
        actions: &[
            action("ssm:DescribeAssociation", |facts| packages(facts) || installed(facts)),
            action("ssm:DescribeAssociationExecutions", |facts| installed(facts) || waits(facts)),
            action("ssm:DescribeAssociationExecutionTargets", |facts| installed(facts) || waits(facts)),
        ],
        targets: |facts| on(any_association(facts).into_iter().chain(package_document(facts)), Value::Null),
    },
    Row {
        sid: "ReadAssociationTags",
        reach: Reach::Read,
        why: "Reads the tags of associations at their source, as the Tagging API's index lags behind.",
        actions: &[action("ssm:ListTagsForResource", packages)],
        targets: |facts| on(any_association(facts), Value::Null),
    },
    Row {
        sid: "ReadSentCommands",
        reach: Reach::Read,
        why: "Reads the records of commands that must be sent once.",
        actions: &[action("ssm:GetParametersByPath", |facts| commands(facts) || firsts(facts))],
        targets: |facts| {
            let once = facts.arn("ssm", &format!("parameter/vssctl/v1/{}/once", facts.scope.stack));
            on([format!("{once}/*"), once], Value::Null)
        },
    },
    Row {
        sid: "ReadFailedCommands",
        reach: Reach::Read,
        why: "Reads what commands that install packages came to: which version is there, and why one failed.",
        actions: &[action("ssm:ListCommandInvocations", |facts| commands(facts) || installed(facts))],
        targets: everything,
    },
    Row {
        sid: "ReadInstalledVersions",
        reach: Reach::Read,
        why: "Reads which instances a package or a role is for, and the version on them by the tags of their snapshots and \
              images: `AWSEC2VssSnapshotPolicy` never takes an older policy's place before the package that it needs.",
        actions: &[
            action("ec2:DescribeInstances", installed),
            action("ec2:DescribeImages", installed),
            action("ec2:DescribeSnapshots", installed),
        ],
        targets: everything,
    },
    // ---------------------------------------------------------------------- looks after lost answers and before writes
    Row {
        sid: "LookAtRoles",
        reach: Reach::Write,
        why: "Looks whether a role that should have been made is there, after an answer that was lost, and before each change \
              and deletion whether it is still the one that the plan saw.",
        actions: &[action("iam:GetRole", roles)],
        targets: |facts| on(own_roles(facts), Value::Null),
    },
    Row {
        sid: "LookAtPolicies",
        reach: Reach::Write,
        why: "Looks before each change and deletion whether a policy is still the one that the plan saw.",
        actions: &[action("iam:GetPolicy", policies)],
        targets: |facts| on(own_policies(facts), Value::Null),
    },
    Row {
        sid: "LookAtInstanceProfiles",
        reach: Reach::Write,
        why: "Looks before each change and deletion, and before instances get it, whether an instance profile is still the \
              one that the plan saw.",
        actions: &[action("iam:GetInstanceProfile", profiles)],
        targets: |facts| on(own_profiles(facts), Value::Null),
    },
    // -------------------------------------------------------------------------------------------------------- IAM roles
    Row {
        sid: "CreateRoles",
        reach: Reach::Write,
        why: "Makes the file's roles: with their boundary where they have one, and only with the stack's mark.",
        actions: &[always("iam:CreateRole")],
        targets: |facts| by_boundary(facts, |_| true, &marks(facts)),
    },
    Row {
        sid: "MarkRoles",
        reach: Reach::Write,
        why: "Writes the stack's mark in the creating call, and on a role that is adopted; never on another stack's.",
        actions: &[always("iam:TagRole")],
        targets: |facts| on(role_arns(facts, |_| true), claims(facts)),
    },
    Row {
        sid: "TagOwnRoles",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own roles, and never hands one to another stack.",
        actions: &[action("iam:TagRole", declared_roles), action("iam:UntagRole", declared_roles)],
        targets: |facts| on(own_roles(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnRoles",
        reach: Reach::Write,
        why: "Changes, empties and deletes the stack's own roles.",
        actions: &[
            action("iam:UpdateAssumeRolePolicy", declared_roles),
            action("iam:UpdateRole", described_roles),
            action("iam:DetachRolePolicy", roles),
            action("iam:DeleteRolePolicy", roles),
            action("iam:DeleteRole", roles),
        ],
        targets: |facts| on(own_roles(facts), own(facts)),
    },
    Row {
        sid: "AttachListedPolicies",
        reach: Reach::Write,
        why: "Attaches to each role the managed policies that the file lists for it, and no others.",
        actions: &[always("iam:AttachRolePolicy")],
        targets: by_policies,
    },
    Row {
        sid: "PutInlinePolicies",
        reach: Reach::Write,
        why: "Writes inline policies into the roles that declare some, within their boundary where they have one.",
        actions: &[always("iam:PutRolePolicy")],
        targets: |facts| by_boundary(facts, |role| role.has_inline, &own(facts)),
    },
    Row {
        sid: "PutBoundaries",
        reach: Reach::Write,
        why: "Sets the boundaries that the file declares, and no others.",
        actions: &[always("iam:PutRolePermissionsBoundary")],
        targets: |facts| {
            by_boundary(facts, |role| role.boundary.as_ref().is_some_and(|arn| !arn.is_empty()), &own(facts))
        },
    },
    Row {
        sid: "RemoveBoundaries",
        reach: Reach::Write,
        why: "Takes the boundary off the roles for which the file says that they have none.",
        actions: &[always("iam:DeleteRolePermissionsBoundary")],
        targets: |facts| on(role_arns(facts, |role| role.boundary.as_deref() == Some("")), own(facts)),
    },
    // --------------------------------------------------------------------------------------------- IAM managed policies
    Row {
        sid: "CreatePolicies",
        reach: Reach::Write,
        why: "Makes the file's customer managed policies, only with the stack's mark, and marks those that are adopted.",
        actions: &[always("iam:CreatePolicy"), always("iam:TagPolicy")],
        targets: |facts| on(facts.policies.iter().map(|policy| policy.arn.clone()), claims(facts)),
    },
    Row {
        sid: "TagOwnPolicies",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own policies, and never hands one to another stack.",
        actions: &[action("iam:TagPolicy", declared_policies), action("iam:UntagPolicy", declared_policies)],
        targets: |facts| on(own_policies(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnPolicies",
        reach: Reach::Write,
        why: "Makes new versions of the stack's own policies, deletes old ones (AWS keeps five) and the policies.",
        actions: &[
            action("iam:CreatePolicyVersion", declared_policies),
            action("iam:DeletePolicyVersion", policies),
            action("iam:DeletePolicy", policies),
        ],
        targets: |facts| on(own_policies(facts), own(facts)),
    },
    // -------------------------------------------------------------------------------------------- IAM instance profiles
    Row {
        sid: "CreateInstanceProfiles",
        reach: Reach::Write,
        why: "Makes the file's instance profiles, only with the stack's mark, and marks those that are adopted.",
        actions: &[always("iam:CreateInstanceProfile"), always("iam:TagInstanceProfile")],
        targets: |facts| on(facts.profiles.iter().map(|profile| profile.arn.clone()), claims(facts)),
    },
    Row {
        sid: "TagOwnInstanceProfiles",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own instance profiles, and never hands one to another stack.",
        actions: &[
            action("iam:TagInstanceProfile", declared_profiles),
            action("iam:UntagInstanceProfile", declared_profiles),
        ],
        targets: |facts| on(own_profiles(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnInstanceProfiles",
        reach: Reach::Write,
        why: "Puts roles into the stack's own instance profiles, takes them out, deletes the profiles.",
        actions: &[
            action("iam:AddRoleToInstanceProfile", declared_profiles),
            action("iam:RemoveRoleFromInstanceProfile", profiles),
            action("iam:DeleteInstanceProfile", profiles),
        ],
        targets: |facts| on(own_profiles(facts), own(facts)),
    },
    Row {
        sid: "PassInstanceRoles",
        reach: Reach::Write,
        why: "Hands the roles of the instance profiles to EC2. Named, because tags do not decide reliably about this action.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.instance_roles.clone(), passed_to(facts, "ec2")),
    },
    Row {
        sid: "PassBackupRoles",
        reach: Reach::Write,
        why: "Hands the roles of the selections, those of restore tests included, to AWS Backup.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.backup_roles.clone(), passed_to(facts, "backup")),
    },
    Row {
        sid: "PassDispatchRoles",
        reach: Reach::Write,
        why: "Hands the roles that State Manager works with to Systems Manager.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.dispatch_roles.clone(), passed_to(facts, "ssm")),
    },
    // ------------------------------------------------------------------------------------------- profiles on instances
    Row {
        sid: "AttachProfiles",
        reach: Reach::Write,
        why: "Puts the file's instance profiles on the instances that it names, and no other profiles.",
        actions: &[always("ec2:AssociateIamInstanceProfile")],
        targets: |facts| attached_instances(facts, |_, condition| condition),
    },
    Row {
        sid: "ReplaceProfiles",
        reach: Reach::Write,
        why: "Puts them in the place of the stack's own profiles; of others only where the file says `replace = true`.",
        actions: &[always("ec2:ReplaceIamInstanceProfileAssociation")],
        targets: |facts| {
            attached_instances(facts, |one, condition| {
                let own = json!(own_profiles(facts));
                if one.replaces { condition } else { with(condition, "ArnLike", "ec2:InstanceProfile", own) }
            })
        },
    },
    Row {
        sid: "TakeProfilesOff",
        reach: Reach::Write,
        why: "Takes the stack's own profiles off instances when they are no longer meant, or the profile goes.",
        actions: &[always("ec2:DisassociateIamInstanceProfile")],
        targets: |facts| {
            let instances = (facts.prunes || attachments(facts)).then(|| facts.arn("ec2", "instance/*"));
            on(instances, json!({ "ArnLike": { "ec2:InstanceProfile": own_profiles(facts) } }))
        },
    },
    // -------------------------------------------------------------------------------------------------- Systems Manager
    Row {
        sid: "CreateAssociations",
        reach: Reach::Write,
        why: "Makes associations, only with the stack's mark, and marks those that are adopted.",
        actions: &[action("ssm:CreateAssociation", associations), action("ssm:AddTagsToResource", associations)],
        targets: |facts| on(any_association(facts), claims(facts)),
    },
    Row {
        sid: "TagOwnAssociations",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own associations, and never hands one to another stack.",
        actions: &[action("ssm:AddTagsToResource", associations), action("ssm:RemoveTagsFromResource", associations)],
        targets: |facts| on(any_association(facts), own_and_stays(facts)),
    },
    Row {
        sid: "ChangeOwnAssociations",
        reach: Reach::Write,
        why: "Changes and deletes the stack's own associations.",
        actions: &[action("ssm:UpdateAssociation", associations), action("ssm:DeleteAssociation", packages)],
        targets: |facts| on(any_association(facts), own(facts)),
    },
    Row {
        sid: "OnlyThePackageDocument",
        reach: Reach::Write,
        why: "Runs the document that installs packages, and no other.",
        actions: &[
            action("ssm:CreateAssociation", associations),
            action("ssm:UpdateAssociation", associations),
            action("ssm:DeleteAssociation", packages),
            action("ssm:SendCommand", |facts| commands(facts) || firsts(facts)),
        ],
        targets: |facts| on(package_document(facts), Value::Null),
    },
    Row {
        sid: "AssociateChosenInstances",
        reach: Reach::Write,
        why: "Associates the instances that the file's packages target, by their tags or ids.",
        actions: &[always("ssm:CreateAssociation"), always("ssm:UpdateAssociation")],
        targets: |facts| package_instances(facts, |package| !package.is_command),
    },
    Row {
        sid: "CommandChosenInstances",
        reach: Reach::Write,
        why: "Runs the document on the instances that the file's packages without a schedule target, and on those that are \
              ahead of the others: canaries, and instances whose package is too old for their role's policy.",
        actions: &[always("ssm:SendCommand")],
        targets: |facts| package_instances(facts, |package| package.is_command || package.goes_first),
    },
    Row {
        sid: "WaitForInstances",
        reach: Reach::Write,
        why: "Waits until a package is on the instances that are ahead of the others, and reads what an instance says where \
              it failed.",
        actions: &[action("ssm:GetCommandInvocation", |facts| firsts(facts) || waits(facts))],
        targets: everything,
    },
    // ------------------------------------------------------------------------------------------------------- AWS Backup
    Row {
        sid: "CreateVaults",
        reach: Reach::Write,
        why: "Makes the file's vaults, only with the stack's mark.",
        actions: &[always("backup:CreateBackupVault")],
        targets: |facts| on(vault_arns(facts), marks(facts)),
    },
    Row {
        sid: "CreatePlans",
        reach: Reach::Write,
        why: "Makes plans, only with the stack's mark. AWS chooses their ids.",
        actions: &[always("backup:CreateBackupPlan")],
        targets: |facts| on(any_plan(facts).into_iter().filter(|_| declared_plans(facts)), marks(facts)),
    },
    Row {
        sid: "MarkVaultsAndPlans",
        reach: Reach::Write,
        why: "Writes the stack's mark in the creating call, and on vaults and plans that are adopted.",
        actions: &[always("backup:TagResource")],
        targets: |facts| {
            let plans = any_plan(facts).into_iter().filter(|_| declared_plans(facts));
            on(vault_arns(facts).into_iter().chain(plans), claims(facts))
        },
    },
    Row {
        sid: "TagOwnVaultsAndPlans",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own vaults and plans, and never hands one to another stack.",
        actions: &[always("backup:TagResource"), always("backup:UntagResource")],
        targets: |facts| {
            let plans = any_plan(facts).into_iter().filter(|_| declared_plans(facts));
            on(vault_arns(facts).into_iter().chain(plans), own_and_stays(facts))
        },
    },
    Row {
        sid: "VaultStorage",
        reach: Reach::Write,
        why: "Making a vault mounts its storage. The action knows no resources.",
        actions: &[action("backup-storage:MountCapsule", |facts| !facts.vaults.is_empty())],
        targets: everything,
    },
    Row {
        sid: "VaultKeys",
        reach: Reach::Write,
        why: "A vault with a KMS key of its own takes grants on that key, through AWS Backup only.",
        actions: &[
            always("kms:CreateGrant"),
            always("kms:Decrypt"),
            always("kms:DescribeKey"),
            always("kms:GenerateDataKey"),
            always("kms:RetireGrant"),
        ],
        targets: |facts| {
            let domain = if facts.scope.partition() == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
            let via = format!("backup.{}.{domain}", facts.scope.region);
            let keys = facts.vaults.iter().filter_map(|vault| vault.key.clone());
            on(keys, json!({ "StringEquals": { "kms:ViaService": via } }))
        },
    },
    Row {
        sid: "ChangeOwnPlans",
        reach: Reach::Write,
        why: "Changes and deletes the stack's own plans and their selections.",
        actions: &[
            action("backup:UpdateBackupPlan", declared_plans),
            action("backup:DeleteBackupPlan", plans),
            action("backup:CreateBackupSelection", declared_plans),
            action("backup:DeleteBackupSelection", plans),
        ],
        targets: |facts| on(any_plan(facts), own(facts)),
    },
    Row {
        sid: "CreateRestoreTests",
        reach: Reach::Write,
        why: "Makes restore testing plans, only with the stack's mark, and marks those that are adopted.",
        actions: &[
            action("backup:CreateRestoreTestingPlan", declared_restore_tests),
            action("backup:TagResource", declared_restore_tests),
        ],
        targets: |facts| on(any_restore_test(facts), claims(facts)),
    },
    Row {
        sid: "ChangeOwnRestoreTests",
        reach: Reach::Write,
        why: "Changes and deletes the stack's own restore testing plans and their selections.",
        actions: &[
            action("backup:UpdateRestoreTestingPlan", declared_restore_tests),
            action("backup:DeleteRestoreTestingPlan", restore_tests),
            action("backup:CreateRestoreTestingSelection", declared_restore_tests),
            action("backup:UpdateRestoreTestingSelection", declared_restore_tests),
            action("backup:DeleteRestoreTestingSelection", restore_tests),
        ],
        targets: |facts| on(any_restore_test(facts), own(facts)),
    },
    Row {
        sid: "TagOwnRestoreTests",
        reach: Reach::Write,
        why: "Changes the tags of the stack's own restore testing plans, and never hands one to another stack.",
        actions: &[
            action("backup:TagResource", declared_restore_tests),
            action("backup:UntagResource", declared_restore_tests),
        ],
        targets: |facts| on(any_restore_test(facts), own_and_stays(facts)),
    },
    Row {
        sid: "DeleteOwnVaults",
        reach: Reach::Write,
        why: "Deletes the stack's own vaults. AWS refuses it while one holds recovery points.",
        actions: &[always("backup:DeleteBackupVault")],
        targets: |facts| on(any_vault(facts), own(facts)),
    },
    Row {
        sid: "VaultNotifications",
        reach: Reach::Write,
        why: "Changes the notifications of the stack's vaults that declare some.",
        actions: &[always("backup:PutBackupVaultNotifications"), always("backup:DeleteBackupVaultNotifications")],
        targets: |facts| {
            on(facts.vaults.iter().filter(|vault| vault.has_notifications).map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "VaultAccessPolicies",
        reach: Reach::Write,
        why: "Changes the access policies of the stack's vaults that declare one.",
        actions: &[always("backup:PutBackupVaultAccessPolicy"), always("backup:DeleteBackupVaultAccessPolicy")],
        targets: |facts| {
            on(facts.vaults.iter().filter(|vault| vault.has_policy).map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "GovernanceLocks",
        reach: Reach::Write,
        why: "Sets locks that can be taken off again, on the stack's vaults that declare one. `ChangeableForDays` is what \
              makes a lock final.",
        actions: &[always("backup:PutBackupVaultLockConfiguration")],
        targets: |facts| {
            let vaults = facts.vaults.iter().filter(|vault| vault.has_lock && !vault.has_compliance_lock);
            let condition = with(own(facts), "Null", "backup:ChangeableForDays", json!("true"));
            on(vaults.map(|vault| vault.arn.clone()), condition)
        },
    },
    Row {
        sid: "ComplianceLocks",
        reach: Reach::Write,
        why: "Sets final locks on the stack's vaults that declare one.",
        actions: &[always("backup:PutBackupVaultLockConfiguration")],
        targets: |facts| {
            let vaults = facts.vaults.iter().filter(|vault| vault.has_compliance_lock);
            on(vaults.map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "RemoveLocks",
        reach: Reach::Write,
        why: "Takes governance locks off the stack's vaults that declare a lock or none; AWS keeps final ones.",
        actions: &[always("backup:DeleteBackupVaultLockConfiguration")],
        targets: |facts| {
            let vaults = facts.vaults.iter().filter(|vault| vault.has_lock && !vault.has_compliance_lock);
            on(vaults.map(|vault| vault.arn.clone()), own(facts))
        },
    },
    Row {
        sid: "RegionSettings",
        reach: Reach::Write,
        why: "Changes which resource types AWS Backup protects in the region. The action knows no resources.",
        actions: &[action("backup:UpdateRegionSettings", region_settings)],
        targets: everything,
    },
    // -------------------------------------------------------------------------------------------------------- the lease
    Row {
        sid: "Lease",
        reach: Reach::Write,
        why: "Takes, renews and gives back the lease of the stack, and keeps the records of commands that must be sent once.",
        actions: &[
            always("ssm:GetParameter"),
            always("ssm:GetParametersByPath"),
            always("ssm:PutParameter"),
            always("ssm:DeleteParameters"),
        ],
        targets: |facts| {
            let path = facts.arn("ssm", &format!("parameter/vssctl/v1/{}", facts.scope.stack));
            on([format!("{path}/*"), path], Value::Null)
        },
    },
    // ----------------------------------------------------------------------------------------------------------- guards
    Row {
        sid: "NeverDropMark",
        reach: Reach::Guard,
        why: "Nobody takes the stack's mark off: what is ours stays recognisable.",
        actions: &[
            action("iam:UntagRole", declared_roles),
            action("iam:UntagPolicy", declared_policies),
            action("iam:UntagInstanceProfile", declared_profiles),
            action("backup:UntagResource", |facts| {
                facts.has_plans || facts.has_restore_tests || !facts.vaults.is_empty()
            }),
            action("ssm:RemoveTagsFromResource", associations),
        ],
        targets: |_| {
            let keys = json!({ "ForAnyValue:StringLike": { "aws:TagKeys": [format!("{PREFIX}*")] } });
            on(["*".to_owned()], keys)
        },
    },
    Row {
        sid: "NeverLoosen",
        reach: Reach::Guard,
        why: "Nobody takes a boundary off a role, unless the file says that one has none.",
        actions: &[action("iam:DeleteRolePermissionsBoundary", |facts| {
            !facts.roles.iter().any(|role| role.boundary.as_deref() == Some(""))
        })],
        targets: everything,
    },
    Row {
        sid: "NeverTouchBackups",
        reach: Reach::Guard,
        why: "Nobody deletes or ages recovery points, nor changes the policies, locks and settings that the file does not \
              declare.",
        actions: &[
            always("backup:DeleteRecoveryPoint"),
            always("backup:UpdateRecoveryPointLifecycle"),
            always("backup:UpdateGlobalSettings"),
            action("backup:UpdateRegionSettings", |facts| !region_settings(facts)),
            action("backup:PutBackupVaultAccessPolicy", |facts| !facts.vaults.iter().any(|vault| vault.has_policy)),
            action("backup:DeleteBackupVaultAccessPolicy", |facts| !facts.vaults.iter().any(|vault| vault.has_policy)),
            action("backup:PutBackupVaultLockConfiguration", |facts| !facts.vaults.iter().any(|vault| vault.has_lock)),
            action("backup:DeleteBackupVaultLockConfiguration", |facts| {
                !facts.vaults.iter().any(|vault| vault.has_lock)
            }),
        ],
        targets: everything,
    },
    Row {
        sid: "OnceIsWrittenOnce",
        reach: Reach::Guard,
        why: "The record of a command that must be sent once is never overwritten.",
        actions: &[always("ssm:PutParameter")],
        targets: |facts| {
            let once = facts.arn("ssm", &format!("parameter/vssctl/v1/{}/once/*", facts.scope.stack));
            on([once], json!({ "StringEquals": { "ssm:Overwrite": "true" } }))
        },
    },
    // ----------------------------------------------------------------------------------------------------------- verify
    Row {
        sid: "ReadBackupJobs",
        reach: Reach::Verify,
        why: "Reads how backups went, and the images and snapshots that they made.",
        actions: &[
            always("backup:ListBackupJobs"),
            always("backup:DescribeBackupJob"),
            always("ec2:DescribeInstances"),
            always("ec2:DescribeImages"),
            always("ec2:DescribeSnapshots"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadEveryPlan",
        reach: Reach::Verify,
        why: "Reads all plans of the region and what they select: whoever made them, they protect instances or fail to.",
        actions: &[
            always("backup:ListBackupPlans"),
            always("backup:GetBackupPlan"),
            always("backup:ListBackupSelections"),
            always("backup:GetBackupSelection"),
            always("backup:DescribeRegionSettings"),
            always("backup:ListBackupVaults"),
            always("tag:GetResources"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadInstanceState",
        reach: Reach::Verify,
        why: "Reads whether the instances' agents answer, which roles the instances have, and whether the package got there.",
        actions: &[
            always("ssm:DescribeInstanceInformation"),
            always("ssm:DescribeInstanceAssociationsStatus"),
            always("ssm:GetInventory"),
            always("ssm:ListCommandInvocations"),
            always("ssm:ListAssociations"),
            always("ssm:DescribeAssociation"),
            always("ssm:DescribeAssociationExecutions"),
            always("ssm:DescribeAssociationExecutionTargets"),
            always("ssm:GetCommandInvocation"),
            always("ec2:DescribeIamInstanceProfileAssociations"),
            always("iam:GetAccountAuthorizationDetails"),
            always("iam:ListInstanceProfiles"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadSurroundings",
        reach: Reach::Verify,
        why: "Reads which volumes are encrypted with which keys, and whether networks have a way to EC2.",
        actions: &[
            always("ec2:DescribeVolumes"),
            always("ec2:DescribeRouteTables"),
            always("ec2:DescribeVpcEndpoints"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadVolumeKeys",
        reach: Reach::Verify,
        why: "Reads whether the keys of encrypted volumes work, and whether backups may use them. Nothing is decrypted.",
        actions: &[always("kms:DescribeKey"), always("kms:GetKeyPolicy"), always("kms:ListGrants")],
        targets: |facts| {
            on([format!("arn:{}:kms:{}:*:key/*", facts.scope.partition(), facts.scope.region)], Value::Null)
        },
    },
    Row {
        sid: "ReadPolicyDocuments",
        reach: Reach::Verify,
        why: "Reads what the managed policies of those roles allow: AWS's own, and the account's.",
        actions: &[always("iam:GetPolicy"), always("iam:GetPolicyVersion")],
        targets: |facts| {
            let of = |account: &str| format!("arn:{}:iam::{account}:policy/*", facts.scope.partition());
            on([of("aws"), of(&facts.scope.account_id)], Value::Null)
        },
    },
    // ----------------------------------------------------------------------------------------------------------- backup
    Row {
        sid: "StartBackups",
        reach: Reach::Backup,
        why: "Starts on-demand backups into the file's vaults.",
        actions: &[always("backup:StartBackupJob")],
        targets: |facts| on(facts.vaults.iter().map(|vault| vault.arn.clone()), Value::Null),
    },
    Row {
        sid: "FindRolesOfBackups",
        reach: Reach::Backup,
        why: "Finds the path of a role that `--role` names and the file does not have. To hand it to AWS Backup, \
              `iam:PassRole` on it is to be allowed as well.",
        actions: &[always("iam:GetRole")],
        targets: |facts| on([facts.scope.iam_arn("role", "/", "*")], Value::Null),
    },
    Row {
        sid: "PassRolesOfBackups",
        reach: Reach::Backup,
        why: "Hands the roles of the selections to AWS Backup for them.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.backup_roles.clone(), passed_to(facts, "backup")),
    },
];
