//! The surroundings of instances: the keys of their volumes, their networks, and their clusters. They come from lists;
//! a key is read once, however many volumes have it.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};
use serde_json::Value;

use super::known::known;
use crate::aws::Reader;
use crate::policy;
use crate::vss::copies;
use crate::vss::evidence::{Endpoint, Evidence, Key, Known, RouteTable, Volume};

/// The service of failover clusters.
const CLUSTER_SERVICE: &str = "ClusSvc";

/// What lists tell of the surroundings.
pub(super) struct Surroundings {
    pub(super) volumes: Known<Vec<Volume>>,
    pub(super) clustered: Known<BTreeSet<String>>,
    pub(super) routes: Known<Vec<RouteTable>>,
}

/// Reads the lists.
pub(super) async fn lists(reader: &Reader) -> Surroundings {
    let (volumes, clustered, routes) =
        tokio::join!(reader.encrypted_volumes(), reader.instances_with_service(CLUSTER_SERVICE), reader.route_tables());
    Surroundings {
        volumes: known(volumes).map(|volumes| volumes.iter().filter_map(volume).collect()),
        clustered: known(clustered).map(|ids| ids.into_iter().collect()),
        routes: known(routes).map(|tables| tables.iter().map(table).collect()),
    }
}

/// The endpoints of networks, and the keys of volumes.
pub(super) type Details = (Known<Vec<Endpoint>>, BTreeMap<String, Known<Key>>);

/// Reads what the lists lead to, for evidence that has instances, plans and the lists.
pub(super) async fn details(reader: &Reader, evidence: &Evidence) -> Details {
    let endpoints = async {
        let mut windows = evidence.instances.known().into_iter().flatten().filter(|instance| instance.windows);
        if windows.any(|instance| evidence.closed_network(instance).is_some()) {
            known(reader.vpc_endpoints().await).map(|endpoints| endpoints.iter().map(endpoint).collect())
        } else {
            Known::NotRead
        }
    };
    let (endpoints, (mut keys, of_vaults)) =
        join(endpoints, join(keys(reader, evidence), vault_keys(reader, evidence))).await;
    for (arn, key) in of_vaults {
        keys.entry(arn).or_insert(key);
    }
    (endpoints, keys)
}

fn volume(volume: &crate::aws::Volume) -> Option<Volume> {
    let key = volume.key.clone().filter(|_| !volume.instances.is_empty())?;
    Some(Volume { id: volume.id.clone(), key, instances: volume.instances.clone() })
}

fn table(table: &crate::aws::RouteTable) -> RouteTable {
    let crate::aws::RouteTable { id, vpc, subnets, is_main, targets } = table.clone();
    RouteTable { id, vpc, subnets, is_main, targets }
}

fn endpoint(endpoint: &crate::aws::VpcEndpoint) -> Endpoint {
    Endpoint {
        id: endpoint.id.clone(),
        vpc: endpoint.vpc.clone(),
        service: endpoint.service.clone(),
        answers: endpoint.state.eq_ignore_ascii_case("available") && endpoint.private_dns,
    }
}

/// Reads the keys of the volumes of Windows instances, for the roles of selections with VSS.
async fn keys(reader: &Reader, evidence: &Evidence) -> BTreeMap<String, Known<Key>> {
    let windows: BTreeSet<&str> = evidence
        .instances
        .known()
        .into_iter()
        .flatten()
        .filter(|instance| instance.windows)
        .map(|instance| instance.id.as_str())
        .collect();
    let volumes = evidence.volumes.known().into_iter().flatten();
    let arns: BTreeSet<&str> = volumes
        .filter(|volume| volume.instances.iter().any(|id| windows.contains(id.as_str())))
        .map(|volume| volume.key.as_str())
        .collect();
    let plans = evidence.plans.known().into_iter().flatten().filter(|plan| plan.windows_vss);
    let roles: BTreeSet<&str> = plans
        .filter_map(|plan| plan.selections.known())
        .flatten()
        .map(|selection| selection.role_arn.as_str())
        .collect();
    let read = arns.into_iter().map(|arn| {
        let roles = &roles;
        async move { (arn.to_owned(), key(reader, arn, roles).await) }
    });
    join_all(read).await.into_iter().collect()
}

/// Reads what state the keys of customers are in that encrypt the vaults here which copies go to. A key that is gone is
/// known to be so.
async fn vault_keys(reader: &Reader, evidence: &Evidence) -> BTreeMap<String, Known<Key>> {
    let Some(vaults) = evidence.vaults.known() else { return BTreeMap::new() };
    let plans = evidence.plans.known().into_iter().flatten().filter(|plan| plan.windows_vss);
    let copies = plans.flat_map(|plan| &plan.rules).flat_map(|rule| &rule.copies);
    let arns: BTreeSet<&String> = copies
        .filter_map(|vault| copies::here(&evidence.scope, vault))
        .filter_map(|name| vaults.get(name)?.key.as_ref())
        .collect();
    let read = arns.into_iter().map(|arn| async move {
        let key = match reader.key(arn).await {
            Ok(key) => Ok(Key { state: key.state.clone(), is_customers: key.is_customers, ..Key::default() }),
            Err(error) if error.is_not_found() => Ok(Key { state: copies::GONE.to_owned(), ..Key::default() }),
            Err(error) => Err(error),
        };
        (arn.clone(), known(key))
    });
    join_all(read).await.into_iter().collect()
}

async fn key(reader: &Reader, arn: &str, roles: &BTreeSet<&str>) -> Known<Key> {
    let read = match known(reader.key(arn).await) {
        Known::Known(read) => read,
        Known::Unknown(unread) => return Known::Unknown(unread),
        Known::NotRead => return Known::NotRead,
    };
    let mut key = Key { state: read.state.clone(), is_customers: read.is_customers, ..Key::default() };
    let is_ours = read.arn.split(':').nth(4) == Some(reader.scope().account_id.as_str());
    if key.is_customers && is_ours {
        let grants =
            roles.iter().map(|role| async move { ((*role).to_owned(), known(reader.key_grants(arn, role).await)) });
        let (text, grants) = join(reader.key_policy(arn), join_all(grants)).await;
        key.policy = known(text).map(|text| policy::parse(&text).unwrap_or(Value::String(text)));
        key.grants = grants.into_iter().collect();
    }
    Known::Known(key)
}
