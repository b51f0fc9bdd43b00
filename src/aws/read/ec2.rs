//! The reads of EC2.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Page, Reader, lists, read_all};
use crate::aws::ec2::{Element, Parameters, read_each};
use crate::aws::pages::List;
use crate::aws::{AwsError, Image, Instance, ProfileAssociation, RouteTable, Snapshot, Volume, VpcEndpoint};

/// The page size of large objects. Instances and images of real accounts take several kilobytes each: such a page stays
/// far below the largest answer that is accepted.
const LARGE_PAGE: &str = "500";
/// The page size of small objects, which is the largest that EC2 allows.
const SMALL_PAGE: &str = "1000";
/// The tags of snapshots and images that the VSS package sets.
const VSS_TAGS: [&str; 2] = ["AppConsistent", "AwsVssConfig"];
/// The most values of one filter.
const VALUES: usize = 200;

impl Reader {
    /// Reads every instance of the region, those that were terminated a moment ago included.
    pub async fn instances(&self) -> Result<Arc<Vec<Instance>>, AwsError> {
        let read = async {
            let account = self.scope.account_id.as_str();
            let page = |answer: &Element| {
                let mut found = Vec::new();
                for reservation in answer.items("reservationSet") {
                    if let Some(owner) = reservation.text("ownerId").filter(|owner| *owner != account) {
                        return Err(format!("an instance is of account {owner}, not of {account}"));
                    }
                    found.extend(read_each(reservation, "instancesSet", Instance::read)?);
                }
                Ok(found)
            };
            self.list(lists::INSTANCES, &Parameters::default().with("MaxResults", LARGE_PAGE), page).await
        };
        self.memos.instances.get("", async { read.await.map(Arc::new) }).await
    }

    /// Returns the `Name` tags of the instances by id, where they have been read. Makes no call.
    pub fn instance_names(&self) -> BTreeMap<String, String> {
        let name = |instance: &Instance| Some((instance.id.clone(), instance.tags.get("Name")?.clone()));
        self.memos.instances.known("").iter().flat_map(|all| all.iter().filter_map(name)).collect()
    }

    /// Reads which instance profile is on which instance, in the region.
    pub async fn profile_associations(&self) -> Result<Arc<Vec<ProfileAssociation>>, AwsError> {
        let parameters = Parameters::default().with("MaxResults", SMALL_PAGE);
        let page = |answer: &Element| read_each(answer, "iamInstanceProfileAssociationSet", ProfileAssociation::read);
        let read = async { self.list(lists::PROFILE_ASSOCIATIONS, &parameters, page).await.map(Arc::new) };
        self.memos.profile_associations.get("", read).await
    }

    /// Reads the account's own images of the region: all, or those of the ids; an id that is not there is left out.
    pub async fn images(&self, ids: Option<&[String]>) -> Result<Arc<Vec<Image>>, AwsError> {
        let read = async {
            // EC2 leaves disabled images out of its answer unless it is asked for them.
            let own = Parameters::default().with("Owner.1", "self").with("MaxResults", LARGE_PAGE);
            let own = own.with("IncludeDisabled", "true");
            let page = |answer: &Element| read_each(answer, "imagesSet", Image::read);
            self.chosen(lists::IMAGES, own, "image-id", ids, page).await
        };
        self.memos.images.get(&key(ids), async { read.await.map(Arc::new) }).await
    }

    /// Reads the account's own snapshots of the region: all, or those of the ids; an id that is not there is left out.
    pub async fn snapshots(&self, ids: Option<&[String]>) -> Result<Arc<Vec<Snapshot>>, AwsError> {
        let read = async {
            let own = Parameters::default().with("Owner.1", "self").with("MaxResults", SMALL_PAGE);
            let page = |answer: &Element| read_each(answer, "snapshotSet", Snapshot::read);
            self.chosen(lists::SNAPSHOTS, own, "snapshot-id", ids, page).await
        };
        self.memos.snapshots.get(&key(ids), async { read.await.map(Arc::new) }).await
    }

    /// Reads the account's own images of the region that have a tag of VSS.
    pub async fn vss_images(&self) -> Result<Arc<Vec<Image>>, AwsError> {
        let read = async {
            let own = Parameters::default().with("Owner.1", "self").with("MaxResults", LARGE_PAGE);
            let page = |answer: &Element| read_each(answer, "imagesSet", Image::read);
            self.list(lists::IMAGES, &own.filter("tag-key", VSS_TAGS), page).await.map(Arc::new)
        };
        self.memos.images.get("vss", read).await
    }

    /// Reads the account's own snapshots of the region that have a tag of VSS.
    pub async fn vss_snapshots(&self) -> Result<Arc<Vec<Snapshot>>, AwsError> {
        let read = async {
            let own = Parameters::default().with("Owner.1", "self").with("MaxResults", SMALL_PAGE);
            let page = |answer: &Element| read_each(answer, "snapshotSet", Snapshot::read);
            self.list(lists::SNAPSHOTS, &own.filter("tag-key", VSS_TAGS), page).await.map(Arc::new)
        };
        self.memos.snapshots.get("vss", read).await
    }

    /// Reads the encrypted volumes of the region.
    pub async fn encrypted_volumes(&self) -> Result<Arc<Vec<Volume>>, AwsError> {
        let read = async {
            let encrypted = Parameters::default().with("MaxResults", LARGE_PAGE).filter("encrypted", ["true"]);
            let page = |answer: &Element| read_each(answer, "volumeSet", Volume::read);
            self.list(lists::VOLUMES, &encrypted, page).await.map(Arc::new)
        };
        self.memos.volumes.get("encrypted", read).await
    }

    /// Reads every route table of the region.
    pub async fn route_tables(&self) -> Result<Arc<Vec<RouteTable>>, AwsError> {
        // "The maximum value: 100."
        let parameters = Parameters::default().with("MaxResults", "100");
        let page = |answer: &Element| read_each(answer, "routeTableSet", RouteTable::read);
        let read = async { self.list(lists::ROUTE_TABLES, &parameters, page).await.map(Arc::new) };
        self.memos.route_tables.get("", read).await
    }

    /// Reads every VPC endpoint of the region.
    pub async fn vpc_endpoints(&self) -> Result<Arc<Vec<VpcEndpoint>>, AwsError> {
        let parameters = Parameters::default().with("MaxResults", LARGE_PAGE);
        let page = |answer: &Element| read_each(answer, "vpcEndpointSet", VpcEndpoint::read);
        let read = async { self.list(lists::VPC_ENDPOINTS, &parameters, page).await.map(Arc::new) };
        self.memos.vpc_endpoints.get("", read).await
    }

    /// Reads a list, as a whole or by a filter of ids, for which the ids are asked for in chunks.
    async fn chosen<T: Identified>(
        &self,
        list: &'static List,
        parameters: Parameters,
        filter: &str,
        ids: Option<&[String]>,
        page: impl Fn(&Element) -> Result<Vec<T>, String>,
    ) -> Result<Vec<T>, AwsError> {
        let Some(ids) = ids else { return self.list(list, &parameters, page).await };
        // An id that is asked for in two chunks would come back twice.
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut found = Vec::new();
        for chunk in ids.chunks(VALUES) {
            let parameters = parameters.clone().filter(filter, chunk.iter().copied());
            found.extend(self.list(list, &parameters, &page).await?);
        }
        Ok(found)
    }

    /// Reads a list to its end.
    async fn list<T: Identified>(
        &self,
        list: &'static List,
        parameters: &Parameters,
        read: impl Fn(&Element) -> Result<Vec<T>, String>,
    ) -> Result<Vec<T>, AwsError> {
        let read = &read;
        let page = |token: Option<String>| async move {
            let parameters = parameters.clone().with_some("NextToken", token.as_deref());
            let answer = self.call("ec2", list.operation, || self.ec2.send(list.operation, parameters.clone())).await?;
            let items = read(&answer).map_err(|message| AwsError::unsettled("ec2", list.operation, message))?;
            Ok(Page { items: Some(items), truncated: None, next: answer.text("nextToken").map(str::to_owned) })
        };
        read_all(list, |item: &T| Some(item.id().to_owned()), page).await
    }
}

/// An object in one of EC2's lists, identified by its id.
trait Identified {
    fn id(&self) -> &str;
}

macro_rules! identified {
    ($($kind:ty),+) => {
        $(impl Identified for $kind {
            fn id(&self) -> &str {
                &self.id
            }
        })+
    };
}

identified!(Instance, ProfileAssociation, Image, Snapshot, Volume, RouteTable, VpcEndpoint);

/// The key under which a list is remembered.
fn key(ids: Option<&[String]>) -> String {
    ids.map_or_else(|| "self".to_owned(), |ids| format!("ids {}", ids.join(" ")))
}
