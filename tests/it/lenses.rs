//! Answers that are whole, valid and odd: lists that show every item twice, and answers without their list.
//!
//! The names of the lists are AWS's, written down here a second time: the tests must not share the client's table.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use vssctl::aws::Reader;
use vssctl::observe::evidence::{Wants, gather};
use vssctl::plan::Options;
use vssctl::plan::Plan;
use vssctl::vss::Moment;
use vssctl::vss::coverage::coverage;
use vssctl::vss::doctor::{self, diagnose};
use vssctl::vss::verify::{self, verify};

use crate::bench::{self, Bench, STACK};

/// The members of JSON answers that are lists of objects.
const JSON: [&str; 17] = [
    "Associations",
    "AssociationExecutions",
    "AssociationExecutionTargets",
    "BackupJobs",
    "BackupPlansList",
    "BackupSelectionsList",
    "BackupVaultList",
    "CommandInvocations",
    "Commands",
    "Entities",
    "Grants",
    "InstanceInformationList",
    "Parameters",
    "RestoreTestingPlans",
    "RestoreTestingSelections",
    "ResourceTagMappingList",
    "TagList",
];
/// The elements of XML answers that are lists of objects, with the answer that they stand in.
const XML: [(&str, &str); 11] = [
    ("GetAccountAuthorizationDetails", "Policies"),
    ("GetAccountAuthorizationDetails", "RoleDetailList"),
    ("ListInstanceProfiles", "InstanceProfiles"),
    ("ListRoles", "Roles"),
    ("DescribeIamInstanceProfileAssociations", "iamInstanceProfileAssociationSet"),
    ("DescribeImages", "imagesSet"),
    ("DescribeInstances", "reservationSet"),
    ("DescribeRouteTables", "routeTableSet"),
    ("DescribeSnapshots", "snapshotSet"),
    ("DescribeVolumes", "volumeSet"),
    ("DescribeVpcEndpoints", "vpcEndpointSet"),
];

/// What is done to answers.
#[derive(Clone, Copy, Debug)]
enum Lens {
    /// Every list has each of its items twice, the second time after all others.
    Twice,
    /// The list of this name is missing.
    Without(&'static str),
    /// The list of this name is null.
    Null(&'static str),
}

impl Lens {
    fn on_json(self, text: &str) -> Option<String> {
        let mut answer: Value = serde_json::from_str(text).ok()?;
        let members = answer.as_object_mut()?;
        for name in JSON {
            match self {
                Self::Twice => {
                    if let Some(Value::Array(items)) = members.get_mut(name) {
                        items.extend_from_within(..);
                    }
                }
                Self::Without(gone) if gone == name => drop(members.remove(name)),
                Self::Null(gone) if gone == name && members.contains_key(name) => {
                    members.insert(name.to_owned(), Value::Null);
                }
                Self::Without(_) | Self::Null(_) => {}
            }
        }
        Some(answer.to_string())
    }

    fn on_xml(self, text: &str) -> String {
        let mut text = text.to_owned();
        for (operation, name) in XML {
            if !text.contains(&format!("<{operation}Response")) {
                continue;
            }
            let (open, close, empty) = (format!("<{name}>"), format!("</{name}>"), format!("<{name}/>"));
            let inside = text.find(&open).zip(text.rfind(&close)).map(|(start, end)| (start + open.len(), end));
            match (self, inside) {
                (Self::Twice, Some((start, end))) => {
                    let items = text[start..end].to_owned();
                    text.insert_str(end, &items);
                }
                (Self::Without(gone), Some((start, end))) if gone == name => {
                    text.replace_range(start - open.len()..end + close.len(), "");
                }
                (Self::Without(gone), None) if gone == name => text = text.replace(&empty, ""),
                (Self::Twice | Self::Without(_) | Self::Null(_), _) => {}
            }
        }
        text
    }
}

/// A wire with a lens on its answers.
#[derive(Debug)]
struct Wire {
    inner: SharedHttpClient,
    lens: Lens,
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    lens: Lens,
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, lens: self.lens })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, lens) = (self.inner.call(request), self.lens);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            if answer.status().is_success() {
                let text = String::from_utf8(answer.body().bytes().unwrap_or_default().to_vec()).unwrap_or_default();
                let changed = lens.on_json(&text).unwrap_or_else(|| lens.on_xml(&text));
                answer.headers_mut().remove("content-length");
                *answer.body_mut() = SdkBody::from(changed);
            }
            Ok(answer)
        })
    }
}

const FILE: &str = r#"
[role.Servers]
preset = "vss-instance"
[policy.more]
document = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}'
[role.AWSBackupVss]
preset = "backup-service"
managed_policies = ["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores", "more"]
[attachment.windows]
instance_profile = "Servers"
targets = { tags = { VssBackup = "enabled" } }
[package.AwsVssComponents]
minimum_version = "2.3.1"
targets = { tags = { VssBackup = "enabled" } }
schedule = "rate(1 day)"
[package.once]
package_name = "AwsVssComponents"
targets = { tags = { Name = "sql-1" } }
[vault.vss]
[plan.daily]
windows_vss = true
[plan.daily.rule.nightly]
vault = "vss"
schedule = "cron(0 18 ? * * *)"
start_window = "1h"
complete_window = "8h"
delete_after = "35d"
[plan.daily.selection.windows]
role = "AWSBackupVss"
match = { all = { VssBackup = "enabled" } }
[restore_test.weekly]
schedule = "cron(0 5 ? * SUN *)"
recovery_point_selection = { algorithm = "LATEST_WITHIN_WINDOW", include_vaults = ["vss"], recovery_point_types = ["SNAPSHOT"] }
[restore_test.weekly.selection.windows]
role = "AWSBackupVss"
match = { all = { VssBackup = "enabled" } }
"#;

/// An account where the file is applied and a day has gone by.
fn account() -> (Bench, String) {
    let (bench, text) = (Bench::new(), format!("{STACK}{FILE}"));
    bench.apply(&text);
    bench.sandbox.pass(std::time::Duration::from_hours(26)).expect("an account in memory");
    let plan = bench.plan(&text);
    assert!(plan.is_empty(), "{:?}", bench::changed(&plan));
    (bench, text)
}

fn reader(bench: &Bench, lens: Option<Lens>) -> Reader {
    let (inner, scope) = (bench.sandbox.http_client(), bench::scope("bench"));
    let clients = match lens {
        Some(lens) => bench.wait(bench::connect(Wire { inner, lens }, &scope, None)),
        None => bench.wait(bench::connect(inner, &scope, None)),
    };
    clients.reader()
}

fn plan(bench: &Bench, text: &str, options: &Options, lens: Option<Lens>) -> Plan {
    let (config, reader) = (bench::load(text), reader(bench, lens));
    bench.wait(bench::read_and_plan(&reader, &config, options)).0
}

#[test]
fn an_item_that_a_list_shows_twice_is_one_item_for_every_plan() {
    let (bench, text) = account();
    let prune = Options { prune: true, max_deletions: Some(99), ..Options::default() };
    let destroy = Options { destroy: true, ..Options::default() };
    let less = text.split("[vault.vss]").next().expect("a part").to_owned();
    for (text, options) in [(&text, &Options::default()), (&text, &prune), (&less, &prune), (&text, &destroy)] {
        let (plain, twice) = (plan(&bench, text, options, None), plan(&bench, text, options, Some(Lens::Twice)));
        assert_eq!(serde_json::to_string(&twice).ok(), serde_json::to_string(&plain).ok());
    }
    assert!(!plan(&bench, &text, &destroy, Some(Lens::Twice)).is_empty(), "the control: there is something to destroy");
}

#[test]
fn an_item_that_a_list_shows_twice_is_counted_once_by_every_proof() {
    let (bench, _) = account();
    let told = |lens: Option<Lens>| {
        let reader = reader(&bench, lens);
        // The sandbox's clock begins with the year.
        let now = Moment::from_seconds(1_767_225_600 + 27 * 3600);
        let wants = Wants { jobs_since: Some(Moment::from_seconds(0)), history: true, causes: true };
        let evidence = bench.wait(gather(&reader, now, wants));
        let verified = verify(&evidence, &verify::Options::default());
        let diagnosis = diagnose(&evidence, &doctor::Options::default());
        let covered = coverage(&evidence);
        assert!(verified.instances.len() > 1 && covered.instances.len() > 1, "{verified:#?}");
        [format!("{verified:#?}"), format!("{diagnosis:#?}"), format!("{covered:#?}")]
    };
    assert_eq!(told(Some(Lens::Twice)), told(None));
}

#[test]
fn an_answer_without_its_list_never_leads_to_a_write() {
    let (bench, text) = account();
    let names = JSON.into_iter().flat_map(|name| [Lens::Without(name), Lens::Null(name)]);
    let mut told = 0;
    for lens in names.chain(XML.into_iter().map(|(_, name)| Lens::Without(name))) {
        let lacking = plan(&bench, &text, &Options { prune: true, ..Options::default() }, Some(lens));
        assert!(lacking.is_empty(), "{lens:?}: {:#?}", lacking.steps);
        told += usize::from(lacking.has_unknown() || !lacking.diagnostics.is_empty());
    }
    // Roles, policies, profiles, associations of profiles, instances, vaults, plans, selections, associations,
    // commands and tags.
    assert!(told >= 15, "{told}");
}
