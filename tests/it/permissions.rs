//! The printed policy documents, held against what runs really need: nothing missing, nothing unused, and a run without one
//! of the actions says which, destroys nothing and goes on with the rest.

use std::collections::BTreeSet;
use vssctl::model::Operation;

use serde_json::{Value, json};
use vssctl::apply::{Report, Status};
use vssctl::permissions::table;
use vssctl::permissions::{Facts, Purpose, documents};
use vssctl::plan::Options;
use vssctl::plan::Plan;
use vssctl::policy::{Decision, Keys, Policies, Request};
use vssctl::sandbox::{Fault, FaultKind};

use crate::bench::{Bench, load};
use crate::harness::MAIN_JOB;
use crate::kind_contract::SHEETS;

const PLANNER: &str = "AKIAPLANNER000000000";
const APPLIER: &str = "AKIAAPPLIER000000000";

fn printed(file: &str, purpose: Purpose, prunes: bool) -> Vec<Value> {
    let config = load(file);
    documents(purpose, &Facts::of(&config.scope, &config.desired, prunes))
}

fn pruning() -> Options {
    Options { prune: true, max_deletions: Some(100), ..Options::default() }
}

/// What was printed and what of it was needed: purpose, row and action.
#[derive(Default)]
struct Ledger {
    printed: BTreeSet<(String, String, String)>,
    used: BTreeSet<(String, String, String)>,
}

/// The row of a statement; a row that makes several numbers them, one that is cut gets letters.
fn row_of(sid: &str) -> &'static str {
    let rows = table::rows().filter(|row| sid.starts_with(row.sid));
    rows.map(|row| row.sid).max_by_key(|sid| sid.len()).unwrap_or_else(|| panic!("no row for {sid}"))
}

impl Ledger {
    /// Gives an access key the documents, and writes them down.
    fn grant(&mut self, bench: &Bench, access_key: &str, purpose: Purpose, documents: &[Value]) {
        for statement in documents.iter().flat_map(statements) {
            if statement["Effect"] == "Allow" {
                for action in texts(&statement["Action"]) {
                    let sid = row_of(statement["Sid"].as_str().expect("a Sid")).to_owned();
                    self.printed.insert((purpose.to_string(), sid, action));
                }
            }
        }
        bench.sandbox.restrict(access_key, documents).expect("policies");
    }

    /// Writes down what was needed, and returns what was refused.
    fn settle(&mut self, bench: &Bench, purpose: Purpose, documents: &[Value]) -> Vec<String> {
        let policies = Policies::new(documents).expect("policies");
        let asked = bench.sandbox.authorizations();
        bench.sandbox.clear_authorizations();
        let mut refused = Vec::new();
        for one in asked {
            for sid in policies.applying(&one.request) {
                self.used.insert((purpose.to_string(), row_of(sid).to_owned(), one.request.action.clone()));
            }
            if one.decision != Decision::Allowed {
                refused.push(format!("{} needs {:?}", one.operation, one.request));
            }
        }
        refused
    }
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    document["Statement"].as_array().into_iter().flatten()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The files of one stack, one after the other.
struct Life {
    name: String,
    files: Vec<String>,
    /// Kinds that the next file does not have any more are pruned.
    prunes: bool,
    /// What others have in the account.
    strangers: fn(&Bench),
    /// What the account says that would hinder the end: a compliance lock is for ever.
    stays: bool,
    /// Operations whose first answer is lost.
    lost: &'static [&'static str],
}

impl Life {
    fn new(name: &str, files: Vec<String>) -> Self {
        Self { name: name.to_owned(), files, prunes: false, strangers: |_| (), stays: false, lost: &[] }
    }

    /// Lives it under exactly the printed documents.
    fn live(&self, ledger: &mut Ledger) {
        let mut bench = Bench::new();
        (self.strangers)(&bench);
        for operation in self.lost {
            bench.sandbox.inject(Fault::new(FaultKind::ResetAfter).operation(operation));
        }
        for (index, file) in self.files.iter().enumerate() {
            let what = format!("{} {index}\n{file}", self.name);
            let expected = bench.plan_with(file, &pruning());
            let plan = self.plan(&mut bench, file, ledger, &what);
            assert_eq!(plan.changes, expected.changes, "a plan with fewer permissions differs: {what}");
            self.apply(&mut bench, file, &pruning(), ledger, &what);
            if !self.plan(&mut bench, file, ledger, &what).is_empty() {
                // What an association leaves behind when it becomes a command goes in the next run.
                self.apply(&mut bench, file, &pruning(), ledger, &what);
            }
            let again = self.plan(&mut bench, file, ledger, &what);
            assert!(again.is_empty(), "{what}\n{:#?}", again.changes);
        }
        if !self.stays {
            let file = self.files.last().expect("a file");
            let what = format!("{} destroyed\n{file}", self.name);
            self.apply(&mut bench, file, &Options { destroy: true, ..Options::default() }, ledger, &what);
        }
    }

    fn plan(&self, bench: &mut Bench, file: &str, ledger: &mut Ledger, what: &str) -> Plan {
        let documents = printed(file, Purpose::Plan, self.prunes);
        ledger.grant(bench, PLANNER, Purpose::Plan, &documents);
        bench.act_as(Some(PLANNER));
        bench.forget_requests();
        let plan = bench.plan_with(file, &pruning());
        bench.act_as(None);
        assert_eq!(bench.writes(), [""; 0], "{what}");
        assert_eq!(ledger.settle(bench, Purpose::Plan, &documents), [""; 0], "missing in the plan's policy: {what}");
        plan
    }

    fn apply(&self, bench: &mut Bench, file: &str, options: &Options, ledger: &mut Ledger, what: &str) {
        let documents = printed(file, Purpose::Apply, self.prunes);
        ledger.grant(bench, APPLIER, Purpose::Apply, &documents);
        bench.act_as(Some(APPLIER));
        let (_, report) = bench.try_apply(file, options);
        bench.act_as(None);
        let refused = ledger.settle(bench, Purpose::Apply, &documents);
        assert_eq!(refused, [""; 0], "missing in apply's policy: {what}");
        assert!(report.is_complete(), "{what}\n{:#?}", report.outcomes);
    }
}

fn example(name: &str) -> String {
    let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What an account has that used AWS Backup's console: the default vault and role; and a role of another team.
pub(crate) fn console(bench: &Bench) {
    for (region, name) in [("ap-northeast-1", "Default"), ("us-east-1", "Default"), ("eu-central-1", "sql-copies")] {
        crate::bench::add_vault(&bench.sandbox, region, name);
    }
    let role = |path: &str, name: &str, service: &str| {
        let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}});
        let role = json!({"RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust.to_string()});
        bench.call("iam", "CreateRole", &role);
    };
    role("/service-role/", "AWSBackupDefaultServiceRole", "backup.amazonaws.com");
    role("/shared/", "WindowsBaseline", "ec2.amazonaws.com");
    role("/", "LegacyWindowsServers", "ec2.amazonaws.com");
}

/// What a team has that made its role by AWS's guide of 2023, and whose instance has a package of then.
fn older_role(bench: &Bench) {
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}});
    let role = json!({"RoleName": "vss", "AssumeRolePolicyDocument": trust.to_string()});
    bench.call("iam", "CreateRole", &role);
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["ec2:CreateSnapshot", "ec2:CreateImage", "ec2:CreateTags"], "Resource": "*"}});
    let policy = json!({"RoleName": "vss", "PolicyName": "snapshots", "PolicyDocument": policy.to_string()});
    bench.call("iam", "PutRolePolicy", &policy);
    bench.call("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "vss"}));
    bench.call("iam", "AddRoleToInstanceProfile", &json!({"InstanceProfileName": "vss", "RoleName": "vss"}));
    let id = instance(bench);
    let profile = json!({"InstanceId": id, "IamInstanceProfile": {"Name": "vss"}});
    bench.call("ec2", "AssociateIamInstanceProfile", &profile);
    let parameters = json!({"action": ["Install"], "name": ["AwsVssComponents"], "version": ["2.2.1"]});
    let command = json!({"DocumentName": "AWS-ConfigureAWSPackage", "InstanceIds": [id], "Parameters": parameters});
    bench.call("ssm", "SendCommand", &command);
    let agent = json!({"action": ["Install"], "name": ["AwsVssComponents"]});
    let association = json!({"Name": "AWS-ConfigureAWSPackage", "AssociationName": "theirs", "Parameters": agent, "Targets": [{"Key": "tag:Name", "Values": ["jump-1"]}]});
    bench.call("ssm", "CreateAssociation", &association);
    bench.sandbox.advance(std::time::Duration::from_mins(5)).expect("time goes on");
}

fn gated() -> String {
    let role = "[role.vss]\npreset = \"vss-instance\"\nadopt = true\ninline_policies = {}\n";
    let package = "[package.AwsVssComponents]\nschedule = \"rate(1 day)\"\ntargets = { instance_ids = [\"*\"] }\n";
    format!("{}{role}{package}", crate::bench::STACK)
}

fn instance(bench: &Bench) -> String {
    let answer = bench.call("ssm", "DescribeInstanceInformation", &json!({}));
    let windows = |one: &&Value| one["PlatformType"] == "Windows" && one["PingStatus"] == "Online";
    let found = answer["InstanceInformationList"].as_array().into_iter().flatten().find(windows).expect("an instance");
    found["InstanceId"].as_str().expect("an id").to_owned()
}

/// The complete example as it can be applied: with an instance that is there, and nothing under protection.
fn complete(bench: &Bench) -> String {
    example("examples/complete.toml")
        .replace("i-0123456789abcdef0", &instance(bench))
        .replace("    \"arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy\",\n", "")
        .replace("resource_groups = [\"windows\"]", "")
        .replace("protect = true", "protect = false")
}

/// All the lives: the examples, what a person edits in them, and every row of the kinds' sheets.
fn lives() -> Vec<Life> {
    let complete = complete(&Bench::new());
    let retagged = MAIN_JOB.replace("[vault.vss]", "[tags]\nteam = \"a\"\n\n[vault.vss]");
    let mut lives = vec![
        Life::new("main job", vec![MAIN_JOB.to_owned(), retagged.clone(), MAIN_JOB.to_owned()]),
        Life::new("the file of the README", vec![example("vss.toml")]),
        Life::new("SQL servers", vec![example("examples/sql-servers.toml")]),
        Life { strangers: console, ..Life::new("minimal", vec![example("examples/minimal.toml")]) },
        Life {
            strangers: console,
            ..Life::new("existing roles", vec![example("examples/existing-roles.toml").replace("protect = true", "")])
        },
        Life { stays: true, ..Life::new("complete", vec![complete.clone()]) },
        Life {
            lost: &[
                "CreateRole",
                "CreatePolicy",
                "CreatePolicyVersion",
                "CreateInstanceProfile",
                "AddRoleToInstanceProfile",
                "CreateAssociation",
                "UpdateAssociation",
                "SendCommand",
                "CreateBackupVault",
                "CreateBackupPlan",
                "UpdateBackupPlan",
                "CreateBackupSelection",
                "DeleteBackupSelection",
            ],
            ..Life::new("lost answers", vec![crate::bench::STACK.to_owned() + BEFORE, after()])
        },
        Life::new("versions of a policy", (0..7).map(policy_version).collect()),
        Life::new(
            "to a command",
            vec![package("schedule = \"rate(1 day)\""), package(""), package("version = \"2.5.1\"")],
        ),
        Life::new("boundaries", boundaries()),
        Life {
            strangers: |bench| {
                crate::quotas::fill(bench, 999, &[("RolesQuota", 5000), ("InstanceProfilesQuota", 5000)]);
            },
            ..Life::new("beyond the default quotas", vec![boundaries().remove(1)])
        },
        Life { strangers: older_role, ..Life::new("the version gate", vec![gated()]) },
        Life {
            prunes: true,
            ..Life::new(
                "everything goes, kind by kind",
                vec![crate::bench::STACK.to_owned() + &after_stack(&retagged), crate::bench::STACK.to_owned()],
            )
        },
    ];
    for sheet in SHEETS {
        for row in sheet.rows {
            let values = [Some(row.first), Some(row.second), row.none];
            let files = values.into_iter().flatten().map(|line| sheet.file(line)).collect();
            lives.push(Life {
                stays: row.path == "lock.mode",
                ..Life::new(&format!("{} {}", sheet.kind, row.path), files)
            });
        }
    }
    lives
}

fn after_stack(file: &str) -> String {
    file.find("[role.").map(|start| file[start..].to_owned()).expect("a role")
}

fn policy_version(number: usize) -> String {
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"arn:aws:ec2:*:*:image/{number}"}}}}"#
    );
    let tags = if number.is_multiple_of(2) { "a = \"1\"" } else { "" };
    format!("{}\n[policy.p]\ndocument = '{document}'\ntags = {{ {tags} }}\n", crate::bench::STACK)
}

fn package(line: &str) -> String {
    format!(
        "{}\n[package.AwsVssComponents]\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n{line}\n",
        crate::bench::STACK
    )
}

fn boundaries() -> Vec<String> {
    ["permissions_boundary = \"AmazonSSMManagedInstanceCore\"\ninline_policies.x = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:DescribeImages\",\"Resource\":\"*\"}}'", "permissions_boundary = \"AWSEC2VssSnapshotPolicy\"", "permissions_boundary = \"\""]
        .map(|line| format!("{}\n[role.a]\npreset = \"vss-instance\"\n{line}\n[role.b]\npreset = \"backup-service\"\n", crate::bench::STACK))
        .to_vec()
}

const LEASE: [&str; 4] = ["ssm:GetParameter", "ssm:GetParametersByPath", "ssm:PutParameter", "ssm:DeleteParameters"];

/// What the lease asks for, until a run takes it.
fn lease(ledger: &mut Ledger) {
    let bench = Bench::new();
    let documents = printed(MAIN_JOB, Purpose::Apply, false);
    ledger.grant(&bench, APPLIER, Purpose::Apply, &documents);
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_ssm::config::Region::new("ap-northeast-1"))
        .credentials_provider(vssctl::sandbox::Sandbox::credentials_of(APPLIER))
        .http_client(bench.sandbox.http_client())
        .build();
    let ssm = aws_sdk_ssm::Client::from_conf(config);
    let name = |slot: &str| format!("/vssctl/v1/windows-backup/{slot}");
    bench.wait(async {
        for (slot, overwrite) in [("lock/00000001", false), ("lock/00000001", true), ("once/a.1", false)] {
            let put =
                ssm.put_parameter().name(name(slot)).value("{}").r#type(aws_sdk_ssm::types::ParameterType::String);
            put.overwrite(overwrite).send().await.expect("put");
        }
        ssm.get_parameter().name(name("lock/00000001")).send().await.expect("get");
        ssm.get_parameters_by_path().path("/vssctl/v1/windows-backup").recursive(true).send().await.expect("list");
        ssm.delete_parameters()
            .names(name("lock/00000001"))
            .names(name("once/a.1"))
            .send()
            .await
            .expect("delete several");
    });
    assert_eq!(ledger.settle(&bench, Purpose::Apply, &documents), [""; 0]);
    bench.wait(async {
        let again = ssm.put_parameter().name(name("once/a.1")).value("{}").overwrite(true);
        let error = again.send().await.expect_err("a record is written once");
        assert!(format!("{error:?}").contains("explicit deny"), "{error:?}");
        let other = ssm.get_parameter().name("/vssctl/v1/another/lock/00000001");
        assert!(format!("{:?}", other.send().await.expect_err("another stack's")).contains("AccessDenied"));
    });
}

/// A command that failed: the next run reads why, before it sends another one.
fn failed_command(ledger: &mut Ledger) {
    let file = MAIN_JOB.split("[role.").next().expect("the stack").to_owned()
        + "[package.AwsVssComponents]\ntargets = { tags = { Name = \"web-1\" } }\n";
    let mut bench = Bench::new();
    let (_, report) = bench.try_apply(&file, &Options::default());
    let left: Vec<String> = report.leftovers.iter().map(|left| left.address.to_string()).collect();
    assert_eq!(left, ["package.AwsVssComponents"], "it was sent, and did not take");
    bench.sandbox.advance(std::time::Duration::from_mins(5)).expect("the clock");
    for (purpose, key) in [(Purpose::Plan, PLANNER), (Purpose::Apply, APPLIER)] {
        let documents = printed(&file, purpose, false);
        ledger.grant(&bench, key, purpose, &documents);
        bench.act_as(Some(key));
        let plan = bench.plan(&file);
        bench.act_as(None);
        assert!(!plan.is_empty(), "Linux does not take the VSS components");
        assert_eq!(ledger.settle(&bench, purpose, &documents), [""; 0]);
    }
}

#[test]
fn every_run_is_possible_under_exactly_the_printed_policies_and_nothing_in_them_is_unused() {
    let mut ledger = Ledger::default();
    for life in lives() {
        life.live(&mut ledger);
    }
    lease(&mut ledger);
    failed_command(&mut ledger);
    let unused: Vec<_> = ledger.printed.difference(&ledger.used).collect();
    assert_eq!(unused, Vec::<&(String, String, String)>::new(), "printed and never needed");
    let actions: BTreeSet<&str> = ledger.used.iter().map(|(_, _, action)| action.as_str()).collect();
    println!("{} actions printed, 0 missing, 0 unused, in {} lives", actions.len(), lives().len());
}

/// One of everything that can be changed and deleted again.
const BEFORE: &str = r#"
[tags]
team = "a"

[policy.p]
document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}'

[role.app]
preset = "vss-instance"
description = "one"
max_session_duration = "1h"
permissions_boundary = "AmazonSSMManagedInstanceCore"
inline_policies.x = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}'
inline_policies.y = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}}'

[role.bound]
preset = "vss-instance"
permissions_boundary = "AmazonSSMManagedInstanceCore"

[role.backup]
name = "AWSBackupVss"
preset = "backup-service"

[role.dispatch]
trust = { Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "ssm.amazonaws.com" }, Action = "sts:AssumeRole" }] }

[instance_profile.second]
role = "app"

[package.AwsVssComponents]
schedule = "rate(1 day)"
targets = { tags = { VssBackup = "enabled" } }
association_dispatch_assume_role = "dispatch"

[package.now]
package_name = "AwsVssComponents"
targets = { tags = { VssBackup = "enabled" } }

[vault.v-one]
kms_key = "arn:aws:kms:ap-northeast-1:123456789012:key/11111111-1111-1111-1111-111111111111"
access_policy = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}}'
notifications = { topic = "arn:aws:sns:ap-northeast-1:123456789012:t", events = ["BACKUP_JOB_COMPLETED"] }
lock = { mode = "governance", min_retention = "7d" }

[vault.v-two]
access_policy = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}}'
notifications = { topic = "arn:aws:sns:ap-northeast-1:123456789012:t", events = ["BACKUP_JOB_COMPLETED"] }
lock = { mode = "governance", min_retention = "7d" }

[plan.daily]
windows_vss = true

[plan.daily.rule.nightly]
vault = "v-one"
delete_after = "35d"

[plan.daily.selection.windows]
role = "backup"
match = { all = { VssBackup = "enabled" } }

[region_settings]
resource_type_opt_in = { EC2 = true }
"#;

/// What a person makes of it.
fn after() -> String {
    let mut file = crate::bench::STACK.to_owned() + BEFORE;
    for (from, to) in [
        ("[tags]\nteam = \"a\"", "[tags]\ncost = \"b\""),
        (
            "\"ec2:DescribeImages\",\"Resource\":\"*\"}}'\n\n[role.app]",
            "\"ec2:DescribeTags\",\"Resource\":\"*\"}}'\n\n[role.app]",
        ),
        (
            "description = \"one\"",
            "description = \"two\"\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\", \"p\"]",
        ),
        ("permissions_boundary = \"AmazonSSMManagedInstanceCore\"\ninline", "permissions_boundary = \"\"\ninline"),
        ("inline_policies.y", "inline_policies.z"),
        (
            "permissions_boundary = \"AmazonSSMManagedInstanceCore\"\n\n",
            "permissions_boundary = \"AWSEC2VssSnapshotPolicy\"\n\n",
        ),
        ("\"ssm.amazonaws.com\" }", "[\"ssm.amazonaws.com\", \"ec2.amazonaws.com\"] }"),
        ("[instance_profile.second]\nrole = \"app\"", "[instance_profile.second]\nrole = \"bound\""),
        ("rate(1 day)", "rate(2 days)"),
        ("package_name = \"AwsVssComponents\"", "package_name = \"AwsVssComponents\"\nversion = \"2.5.1\""),
        ("delete_after = \"35d\"", "delete_after = \"36d\""),
        ("all = { VssBackup", "any = { VssBackup"),
        ("EC2 = true", "EC2 = false"),
    ] {
        assert!(file.contains(from), "{from}");
        file = file.replacen(from, to, 1);
    }
    let (head, tail) = file.split_once("[vault.v-two]").expect("the second vault");
    let (_, tail) = tail.split_once("[plan.daily]").expect("a plan");
    format!(
        "{}[vault.v-two]\naccess_policy = {{}}\nnotifications = {{}}\nlock = {{ mode = \"none\" }}\n\n[plan.daily]{tail}",
        head.replace("DeleteRecoveryPoint", "StartCopyJob").replace("\"7d\"", "\"8d\"").replace(":t\"", ":u\"")
    )
}

/// A run that starts from one account each time.
struct Scene {
    name: &'static str,
    start: vssctl::sandbox::account::Account,
    file: String,
    destroys: bool,
}

impl Scene {
    fn options(&self) -> Options {
        Options { destroy: self.destroys, ..Options::default() }
    }

    /// Puts the account back to where the scene starts.
    fn set(&self, bench: &Bench) {
        bench.sandbox.edit(|account| *account = self.start.clone()).expect("memory");
        bench.sandbox.clear_authorizations();
    }

    /// Runs it under policies, and returns the plan, the report and what was asked.
    fn run(&self, bench: &mut Bench, policies: &[Value]) -> (Plan, Report, Vec<vssctl::sandbox::Authorization>) {
        bench.sandbox.restrict(APPLIER, policies).expect("policies");
        bench.act_as(Some(APPLIER));
        bench.sandbox.clear_authorizations();
        let (plan, report) = bench.try_apply(&self.file, &self.options());
        bench.act_as(None);
        (plan, report, bench.sandbox.authorizations())
    }
}

fn scenes(bench: &Bench) -> Vec<Scene> {
    let snapshot = || bench.sandbox.edit(|account| account.clone()).expect("memory");
    let (before, after) = (crate::bench::STACK.to_owned() + BEFORE, after());
    let empty = snapshot();
    for number in 0..5 {
        // Five versions of the policy: the next one needs room.
        bench.apply(&before.replace(
            "\"ec2:DescribeImages\",\"Resource\":\"*\"}}'\n\n[role.app]",
            &format!("\"ec2:DescribeImages\",\"Resource\":\"arn:aws:ec2:*:*:image/{number}\"}}}}'\n\n[role.app]"),
        ));
    }
    let full = snapshot();
    vec![
        Scene { name: "create", start: empty, file: before.clone(), destroys: false },
        Scene { name: "change", start: full.clone(), file: after, destroys: false },
        Scene { name: "destroy", start: full, file: before, destroys: true },
    ]
}

/// Takes an action out of everything that is allowed.
fn without(documents: &[Value], action: &str) -> Vec<Value> {
    let mut left = documents.to_vec();
    for document in &mut left {
        let statements = document["Statement"].as_array_mut().expect("statements");
        for statement in statements.iter_mut().filter(|statement| statement["Effect"] == "Allow") {
            statement["Action"].as_array_mut().expect("actions").retain(|name| name != action);
        }
        statements.retain(|statement| statement["Action"].as_array().is_some_and(|actions| !actions.is_empty()));
    }
    left
}

/// Everything in the account that has a name, so that one that goes is missed.
fn inventory(bench: &Bench) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (service, operation, list, name) in [
        ("iam", "ListRoles", "Roles", "RoleName"),
        ("iam", "ListPolicies", "Policies", "Arn"),
        ("iam", "ListInstanceProfiles", "InstanceProfiles", "InstanceProfileName"),
        ("backup", "ListBackupVaults", "BackupVaultList", "BackupVaultName"),
        ("backup", "ListBackupPlans", "BackupPlansList", "BackupPlanId"),
        ("ssm", "ListAssociations", "Associations", "AssociationId"),
    ] {
        let answer = bench.call(service, operation, &json!({}));
        for item in answer[list].as_array().into_iter().flatten() {
            names.insert(format!("{list} {}", item[name]));
            if service == "backup" && list == "BackupPlansList" {
                let selections = bench.call("backup", "ListBackupSelections", &json!({"BackupPlanId": item[name]}));
                let count = selections["BackupSelectionsList"].as_array().map_or(0, Vec::len);
                // Replaced ones may stand together, but there is never none.
                names.extend((count > 0).then(|| format!("selections of {}", item[name])));
            }
        }
    }
    names
}

/// Runs a scene without one action, checks what must hold, and runs it again with the action. Tells whether anybody missed
/// it: what needs a thing that the sweep did not find is not read.
fn take_away(bench: &mut Bench, scene: &Scene, all: &[Value], action: &str) -> bool {
    let what = format!("{} without {action}", scene.name);
    scene.set(bench);
    let there = inventory(bench);
    let (plan, report, asked) = scene.run(bench, &without(all, action));
    let refused = asked.into_iter().filter(|one| one.decision != Decision::Allowed).map(|one| one.request.action);
    assert_eq!(refused.collect::<BTreeSet<_>>(), BTreeSet::from([action.to_owned()]), "{what}");
    let missed = named(&plan, &report, action, &what);
    if !scene.destroys {
        let gone: Vec<_> = there.difference(&inventory(bench)).cloned().collect();
        assert_eq!(gone, [""; 0], "{what}");
    }
    let (_, report, _) = scene.run(bench, all);
    assert!(report.is_complete(), "{what}, and then with it: {:#?}", report.outcomes);
    let again = bench.plan_with(&scene.file, &scene.options());
    assert!(again.is_empty(), "{what}, and then with it: {:#?}", again.changes);
    missed
}

/// The action is named where something could not be read, or with the call that failed; what else is not done needs that.
fn named(plan: &Plan, report: &Report, action: &str, what: &str) -> bool {
    let unread = plan.has_unknown() && format!("{:?}", plan.diagnostics).contains(action);
    let mut stuck = BTreeSet::new();
    for one in &report.outcomes {
        match &one.status {
            Status::Done => {}
            Status::Failed { error, .. } => {
                assert_eq!(error.action(), action, "{what}: {}", one.address);
                stuck.insert(one.address.to_string());
            }
            Status::Partial { .. } | Status::Skipped { .. } => {
                stuck.insert(one.address.to_string());
            }
            Status::Unknown { .. } => panic!("{what}: {one:?}"),
        }
    }
    for one in &report.outcomes {
        if let Status::Partial { reason } | Status::Skipped { reason } = &one.status {
            let needs = stuck.iter().any(|address| *reason == format!("needs `{address}`"));
            assert!(needs, "{what}: {} is skipped: {reason}", one.address);
        }
    }
    assert!(report.outcomes.len() <= stuck.len() || report.counts().0 > 0, "{what}: nothing else was done");
    assert!(unread || !stuck.is_empty() || report.is_complete(), "{what}: {:#?}", plan.diagnostics);
    unread || !stuck.is_empty()
}

#[test]
fn without_one_action_a_run_names_it_destroys_nothing_does_the_rest_and_converges_once_it_is_there() {
    let mut bench = Bench::new();
    let (mut allowed, mut missed, mut cases) = (BTreeSet::new(), BTreeSet::new(), 0);
    for scene in &scenes(&bench) {
        let all = printed(&scene.file, Purpose::Apply, false);
        let allows = all.iter().flat_map(statements).filter(|one| one["Effect"] == "Allow");
        allowed.extend(allows.flat_map(|one| texts(&one["Action"])));
        scene.set(&bench);
        let (_, report, asked) = scene.run(&mut bench, &all);
        assert!(report.is_complete(), "{}: {:#?}", scene.name, report.outcomes);
        for action in asked.into_iter().map(|one| one.request.action).collect::<BTreeSet<_>>() {
            if take_away(&mut bench, scene, &all, &action) {
                missed.insert(action);
            }
            cases += 1;
        }
    }
    // The lease is tested by itself, above.
    allowed.retain(|action| !LEASE.contains(&action.as_str()));
    // Read only to settle a lost answer, and none is lost here; or to know why a command failed, and none fails here.
    for action in ["iam:GetRole", "ssm:ListCommandInvocations"] {
        allowed.remove(action);
    }
    // Read where IAM's default quotas are not enough (tests/it/quotas.rs); without it the defaults count.
    allowed.remove("iam:GetAccountSummary");
    // Read for the version gate, which asks for consent where it can't know (tests/it/gate.rs); no scene has one.
    // Without the systems of instances there is a warning, and the run goes on.
    for action in [
        "ssm:DescribeInstanceInformation",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeSnapshots",
        "ssm:DescribeAssociationExecutionTargets",
        "ssm:DescribeAssociationExecutions",
        "ssm:GetCommandInvocation",
    ] {
        allowed.remove(action);
    }
    assert_eq!(allowed.difference(&missed).collect::<Vec<_>>(), [""; 0], "printed, and nobody missed it");
    println!("{cases} runs, each without one of {} actions", missed.len());
}

#[test]
fn the_guards_deny_what_no_file_asks_for() {
    let documents = printed(MAIN_JOB, Purpose::Apply, false);
    // Even beside a policy that allows everything.
    let administrator =
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let policies = Policies::new(&[documents, vec![administrator]].concat()).expect("policies");
    let decide = |action: &str, keys: Keys| {
        let resource = "arn:aws:ssm:ap-northeast-1:123456789012:parameter/vssctl/v1/windows-backup/once/x".to_owned();
        policies.decide(&Request { action: action.to_owned(), resource, keys })
    };
    let tags = |keys: &[&str]| {
        let mut all = Keys::default();
        all.set("aws:TagKeys", keys.iter().map(|key| (*key).to_owned()));
        all
    };
    for action in ["iam:UntagRole", "iam:UntagInstanceProfile", "backup:UntagResource", "ssm:RemoveTagsFromResource"] {
        assert_eq!(decide(action, tags(&["team", "vssctl:stack"])), Decision::ExplicitDeny, "{action}");
        assert_eq!(decide(action, tags(&["team"])), Decision::Allowed, "{action}");
    }
    for action in [
        "iam:DeleteRolePermissionsBoundary",
        "backup:DeleteRecoveryPoint",
        "backup:UpdateRecoveryPointLifecycle",
        "backup:UpdateGlobalSettings",
        "backup:UpdateRegionSettings",
        "backup:PutBackupVaultAccessPolicy",
        "backup:DeleteBackupVaultAccessPolicy",
        "backup:PutBackupVaultLockConfiguration",
        "backup:DeleteBackupVaultLockConfiguration",
    ] {
        assert_eq!(decide(action, Keys::default()), Decision::ExplicitDeny, "{action}");
    }
    assert_eq!(decide("ssm:PutParameter", Keys::default().with("ssm:Overwrite", "true")), Decision::ExplicitDeny);
    assert_eq!(decide("ssm:PutParameter", Keys::default().with("ssm:Overwrite", "false")), Decision::Allowed);
}

/// The text of a source file, without its tests.
fn source(path: &str) -> String {
    let text = example(path);
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

fn sources(folder: &str, name: &str) -> Vec<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&root).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let paths = entries.map(|entry| format!("{folder}/{}", entry.expect("an entry").file_name().to_string_lossy()));
    let files = paths.map(|path| if name.is_empty() { path } else { format!("{path}/{name}") });
    files
        .filter(|path| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path).is_file())
        .map(|path| source(&path))
        .collect()
}

#[test]
fn every_call_in_the_code_has_a_row_in_the_table() {
    let known: BTreeSet<&str> = table::rows().flat_map(|row| row.actions).map(|action| action.name).collect();
    // Writes, and the looks of plans, are in one enumeration.
    let mut called: BTreeSet<String> = Operation::ALL.iter().map(|operation| operation.action().to_owned()).collect();
    // Reads are made as `self.call("iam", "ListRoles", ...)`.
    for text in sources("src/aws", "").into_iter().chain(sources("src/aws/read", "")) {
        for (_, rest) in text.match_indices("self.call(").map(|(at, found)| text.split_at(at + found.len())) {
            let words: Vec<&str> = rest.split('"').take(4).collect();
            if let ["", service, ",", operation] = words.iter().map(|word| word.trim()).collect::<Vec<_>>()[..] {
                called.insert(format!("{service}:{operation}"));
            }
        }
    }
    assert!(called.len() > 50, "{called:?}");
    // "No permissions are required to perform this operation."
    called.remove("sts:GetCallerIdentity");
    let missing: Vec<&String> = called.iter().filter(|action| !known.contains(action.as_str())).collect();
    assert_eq!(missing, [""; 0], "no row in src/permissions/table.rs");
}

#[test]
fn the_command_prints_documents_that_a_shell_can_hand_to_iam() {
    let place = crate::harness::Place::with(MAIN_JOB);
    let run = place.run(&["permissions", "plan"]).exits(0);
    let all: Vec<Value> = serde_json::from_str(&run.stdout).expect("an array");
    assert_eq!(all, printed(MAIN_JOB, Purpose::Plan, false));
    // No credentials, no questions: what is said is about the file.
    assert_eq!(run.stderr, place.run(&["validate"]).exits(0).stderr);
    for part in 1..=printed(MAIN_JOB, Purpose::Apply, false).len() {
        let run = place.run(&["permissions", "apply", "--part", &part.to_string()]).exits(0);
        let document: Value = serde_json::from_str(&run.stdout).expect("an object");
        assert_eq!(document["Version"], "2012-10-17");
    }
    let none = place.run(&["permissions", "plan", "--part", "2"]).exits(6);
    assert!(none.stderr.contains("--part 1"), "{}", none.stderr);
    place.run(&["permissions", "plan", "--part", "0"]).exits(6);
}

#[test]
fn a_refusal_has_each_services_code_and_words() {
    let mut bench = Bench::new();
    bench.sandbox.restrict(APPLIER, &[]).expect("no policies");
    bench.act_as(Some(APPLIER));
    let plan = bench.plan(MAIN_JOB);
    let said = format!("{:?}", plan.diagnostics);
    for message in [
        "AccessDenied: User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: \
         iam:GetAccountAuthorizationDetails on resource: * because no identity-based policy allows the \
         iam:GetAccountAuthorizationDetails action",
        "AccessDeniedException: User: arn:aws:iam::123456789012:user/sandbox is not authorized to perform: tag:GetResources",
    ] {
        assert!(said.contains(message), "{message}\n{said}");
    }
    bench.act_as(None);
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["iam:CreateRole", "backup:CreateBackupVault"], "Resource": "*"},
    ]});
    bench.sandbox.restrict(APPLIER, &[deny]).expect("a policy");
    bench.act_as(Some(APPLIER));
    let (_, report) = bench.try_apply(MAIN_JOB, &Options::default());
    let said = format!("{:?}", report.outcomes);
    for message in [
        "iam:CreateRole on resource: role AWSBackupVss with an explicit deny in an identity-based policy",
        "backup:CreateBackupVault on resource: arn:aws:backup:ap-northeast-1:123456789012:backup-vault:vss with an explicit deny",
    ] {
        assert!(said.contains(message), "{message}\n{said}");
    }
    bench.sandbox.unrestrict(APPLIER);
    assert!(bench.try_apply(MAIN_JOB, &Options::default()).1.is_complete());
}
