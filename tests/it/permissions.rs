//! The printed policy documents, held against what runs really need: nothing missing, nothing unused, and a run without one
//! of the actions says which, destroys nothing and goes on with the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vssctl::config::{self, Config};
use vssctl::permissions::table::{Reach, TABLE};
use vssctl::permissions::{Facts, LIMIT, Purpose, documents};
use vssctl::plan::Plan;
use vssctl::plan::build::Options;
use vssctl::policy::{Decision, Keys, Policies, Request, minified_len};

use crate::bench::Bench;
use crate::harness::MAIN_JOB;
use crate::kind_contract::SHEETS;

const PLANNER: &str = "AKIAPLANNER000000000";
const APPLIER: &str = "AKIAAPPLIER000000000";

fn load(bench: &Bench, file: &str) -> Config {
    config::load_text("vss.toml", file, Some(bench.folder())).config.unwrap_or_else(|| panic!("{file}"))
}

fn printed(bench: &Bench, file: &str, purpose: Purpose, prunes: bool) -> Vec<Value> {
    let config = load(bench, file);
    documents(purpose, &Facts::of(&config.scope, &config.desired, prunes))
}

/// What was printed and what of it was needed: purpose, row and action.
#[derive(Default)]
struct Ledger {
    printed: BTreeSet<(String, String, String)>,
    used: BTreeSet<(String, String, String)>,
}

/// The row of a statement; a row that makes several numbers them, one that is cut gets letters.
fn row_of(sid: &str) -> &'static str {
    let rows = TABLE.iter().filter(|row| sid.starts_with(row.sid));
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
}

impl Life {
    fn new(name: &str, files: Vec<String>) -> Self {
        Self { name: name.to_owned(), files, prunes: false, strangers: |_| (), stays: false }
    }

    /// Lives it under exactly the printed documents.
    fn live(&self, ledger: &mut Ledger) {
        let mut bench = Bench::new();
        (self.strangers)(&bench);
        for (index, file) in self.files.iter().enumerate() {
            let what = format!("{} {index}\n{file}", self.name);
            let expected = bench.plan_with(file, &self.options());
            let plan = self.plan(&mut bench, file, ledger, &what);
            assert_eq!(plan.changes, expected.changes, "a plan with fewer permissions differs: {what}");
            self.apply(&mut bench, file, &self.options(), ledger, &what);
            if !self.plan(&mut bench, file, ledger, &what).is_empty() {
                // What an association leaves behind when it becomes a command goes in the next run.
                self.apply(&mut bench, file, &self.options(), ledger, &what);
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

    fn options(&self) -> Options {
        Options { prune: true, max_deletions: Some(100), ..Options::default() }
    }

    fn plan(&self, bench: &mut Bench, file: &str, ledger: &mut Ledger, what: &str) -> Plan {
        let documents = printed(bench, file, Purpose::Plan, self.prunes);
        ledger.grant(bench, PLANNER, Purpose::Plan, &documents);
        bench.act_as(Some(PLANNER));
        bench.forget_requests();
        let plan = bench.plan_with(file, &self.options());
        bench.act_as(None);
        assert_eq!(bench.writes(), [""; 0], "{what}");
        assert_eq!(ledger.settle(bench, Purpose::Plan, &documents), [""; 0], "missing in the plan's policy: {what}");
        plan
    }

    fn apply(&self, bench: &mut Bench, file: &str, options: &Options, ledger: &mut Ledger, what: &str) {
        let documents = printed(bench, file, Purpose::Apply, self.prunes);
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
fn console(bench: &Bench) {
    for region in ["ap-northeast-1", "us-east-1"] {
        let vault = json!({"BackupVaultName": "Default"});
        bench.sandbox.call("backup", "CreateBackupVault", region, &vault).expect("a vault");
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
        .replace("{ file = \"policies/boundary.json\" }", "'''{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":[\"ec2:*\",\"ssm:*\"],\"Resource\":\"*\"}}'''")
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
        Life::new("versions of a policy", (0..7).map(policy_version).collect()),
        Life::new(
            "to a command",
            vec![package("schedule = \"rate(1 day)\""), package(""), package("version = \"2.5.1\"")],
        ),
        Life::new("boundaries", boundaries()),
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
            let lines = [Some(row.first), Some(row.second), row.none];
            let files = lines.into_iter().flatten().map(|line| sheet.file(line)).collect();
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

/// What the lease asks for, until a run takes it.
fn lease(ledger: &mut Ledger) {
    let bench = Bench::new();
    let documents = printed(&bench, MAIN_JOB, Purpose::Apply, false);
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
        ssm.delete_parameter().name(name("lock/00000001")).send().await.expect("delete");
        ssm.delete_parameters().names(name("once/a.1")).send().await.expect("delete several");
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

#[test]
fn every_run_is_possible_under_exactly_the_printed_policies_and_nothing_in_them_is_unused() {
    let mut ledger = Ledger::default();
    for life in lives() {
        life.live(&mut ledger);
    }
    lease(&mut ledger);
    let unused: Vec<_> = ledger.printed.difference(&ledger.used).collect();
    assert_eq!(unused, Vec::<&(String, String, String)>::new(), "printed and never needed");
    let actions: BTreeSet<&str> = ledger.used.iter().map(|(_, _, action)| action.as_str()).collect();
    println!("{} actions printed, 0 missing, 0 unused, in {} lives", actions.len(), lives().len());
}
