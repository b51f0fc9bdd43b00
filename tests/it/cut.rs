//! Every answer to a read, cut at every byte: none may pass for complete.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use vssctl::aws::{Clients, ConnectOptions, Reader};
use vssctl::config;
use vssctl::sandbox::Sandbox;

use crate::bench::{Bench, STACK};

/// An answer as it came.
#[derive(Clone, Debug)]
struct Kept {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Tape {
    /// Answers with so many bytes of what is kept; without it, asks the sandbox and keeps.
    cut: Option<usize>,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Cutter {
    inner: SharedHttpConnector,
    tape: Arc<Mutex<Tape>>,
}

impl HttpConnector for Cutter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, tape) = (self.inner.clone(), Arc::clone(&self.tape));
        HttpConnectorFuture::new(async move {
            let (cut, kept) = {
                let tape = tape.lock().expect("no poison");
                (tape.cut, tape.kept.clone())
            };
            if let (Some(cut), Some(kept)) = (cut, kept) {
                let status = kept.status.try_into().expect("a status");
                let mut answer = HttpResponse::new(status, SdkBody::from(kept.body[..cut].to_vec()));
                answer.headers_mut().insert("content-type", kept.content_type);
                return Ok(answer);
            }
            let answer = inner.call(request).await?;
            let kept = Kept {
                status: answer.status().as_u16(),
                content_type: answer.headers().get("content-type").unwrap_or_default().to_owned(),
                body: answer.body().bytes().expect("a body in memory").to_vec(),
            };
            tape.lock().expect("no poison").kept = Some(kept);
            Ok(answer)
        })
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<(), vssctl::aws::AwsError>> + 'a>>;
type Read = (&'static str, for<'a> fn(&'a Reader, &'a Ids) -> Answer<'a>);

/// What reads of one thing need.
struct Ids {
    plan: String,
    selection: String,
    association: String,
    vault: String,
    policy: String,
}

macro_rules! read {
    ($name:literal, |$reader:ident, $ids:ident| $call:expr) => {
        ($name, |$reader, $ids| {
            let _ = $ids;
            Box::pin(async move { $call.await.map(|_| ()) })
        })
    };
}

const READS: &[Read] = &[
    read!("sts:GetCallerIdentity", |reader, ids| reader.caller_identity()),
    read!("iam:GetAccountAuthorizationDetails", |reader, ids| reader.account_authorization_details()),
    read!("iam:ListRoles", |reader, ids| reader.list_roles()),
    read!("iam:GetRole", |reader, ids| reader.role("app")),
    read!("iam:ListInstanceProfiles", |reader, ids| reader.list_instance_profiles()),
    read!("iam:GetInstanceProfile", |reader, ids| reader.instance_profile("app")),
    read!("iam:GetPolicy", |reader, ids| reader.policy(&ids.policy)),
    read!("tag:GetResources", |reader, ids| reader.tagged()),
    read!("backup:ListBackupVaults", |reader, ids| reader.list_backup_vaults()),
    read!("backup:GetBackupVaultAccessPolicy", |reader, ids| reader.vault_access_policy("vv")),
    read!("backup:ListBackupPlans", |reader, ids| reader.list_backup_plans()),
    read!("backup:GetBackupPlan", |reader, ids| reader.backup_plan(&ids.plan)),
    read!("backup:ListBackupSelections", |reader, ids| reader.list_backup_selections(&ids.plan)),
    read!("backup:GetBackupSelection", |reader, ids| reader.backup_selection(&ids.plan, &ids.selection)),
    read!("backup:ListTags", |reader, ids| reader.backup_tags(&ids.vault)),
    read!("backup:DescribeRegionSettings", |reader, ids| reader.region_settings()),
    read!("ssm:ListAssociations", |reader, ids| reader.list_associations()),
    read!("ssm:DescribeAssociation", |reader, ids| reader.association(&ids.association)),
    read!("ssm:ListTagsForResource", |reader, ids| reader.association_tags(&ids.association)),
    read!("ssm:ListCommands", |reader, ids| reader.list_commands("AWS-ConfigureAWSPackage")),
];

const FILE: &str = r#"
[policy.p]
document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}'
[role.app]
trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","backup.amazonaws.com"]},"Action":"sts:AssumeRole"}}'
instance_profile = true
[package.s]
package_name = "AwsVssComponents"
targets = { instance_ids = ["i-0123456789abcdef0"] }
schedule = "rate(2 days)"
[package.c]
package_name = "AwsVssComponents"
targets = { tags = { Vss = "on" } }
[vault.vv]
access_policy = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}}'
[plan.d.rule.m]
vault = "vv"
delete_after = "7d"
[plan.d.selection.x]
role = "app"
match = { all = { Vss = "on" } }
"#;

fn cutting(sandbox: &Sandbox, tape: &Arc<Mutex<Tape>>) -> SharedHttpClient {
    let (client, tape) = (sandbox.http_client(), Arc::clone(tape));
    http_client_fn(move |settings, components| {
        use aws_smithy_runtime_api::client::http::HttpClient as _;
        let inner = client.http_connector(settings, components);
        SharedHttpConnector::new(Cutter { inner, tape: Arc::clone(&tape) })
    })
}

#[test]
fn an_answer_cut_at_any_byte_is_never_taken_for_complete() {
    let bench = Bench::new();
    bench.apply(&format!("{STACK}{FILE}"));
    let one = |service: &str, operation: &str, input: &serde_json::Value, path: &str| {
        let answer = bench.call(service, operation, input);
        answer.pointer(path).and_then(serde_json::Value::as_str).expect("an id").to_owned()
    };
    let nothing = serde_json::json!({});
    let plan = one("backup", "ListBackupPlans", &nothing, "/BackupPlansList/0/BackupPlanId");
    let of_plan = serde_json::json!({ "BackupPlanId": plan });
    let ids = Ids {
        selection: one("backup", "ListBackupSelections", &of_plan, "/BackupSelectionsList/0/SelectionId"),
        plan,
        association: one("ssm", "ListAssociations", &nothing, "/Associations/0/AssociationId"),
        vault: one("backup", "ListBackupVaults", &nothing, "/BackupVaultList/0/BackupVaultArn"),
        policy: "arn:aws:iam::123456789012:policy/p".to_owned(),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let (cuts, accepted) = runtime.block_on(async {
        let tape = Arc::new(Mutex::new(Tape::default()));
        let config = config::load_text("vss.toml", STACK, None).config.expect("a valid file");
        let mut connect = ConnectOptions::new(config.scope);
        connect.http_client = Some(cutting(&bench.sandbox, &tape));
        connect.credentials = Some(Sandbox::credentials());
        let reader = Clients::connect(connect).await.expect("clients").reader();
        let (mut cuts, mut accepted) = (0_usize, Vec::new());
        for (name, read) in READS {
            *tape.lock().expect("no poison") = Tape::default();
            read(&reader.fresh(), &ids).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            let length =
                tape.lock().expect("no poison").kept.as_ref().map_or(0, |kept| kept.body.trim_ascii_end().len());
            assert!(length > 0, "{name}");
            for cut in 0..length {
                tape.lock().expect("no poison").cut = Some(cut);
                cuts += 1;
                if read(&reader.fresh(), &ids).await.is_ok() {
                    accepted.push(format!("{name} cut at {cut} of {length}"));
                }
            }
        }
        (cuts, accepted)
    });
    println!("{} answers cut at {cuts} places: {} accepted as complete", READS.len(), accepted.len());
    assert!(accepted.is_empty(), "{accepted:#?}");
}
