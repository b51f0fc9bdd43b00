//! The rules for every list of AWS: it is complete or an error, and it holds each item once.
//!
//! Resources are created and deleted between two pages, and AWS then shows an item on both. An item that a list shows
//! twice is one item. An answer without the member that holds the items (`{}`) is no empty list: it is from something
//! between vssctl and AWS.

use std::collections::BTreeSet;
use std::future::Future;

use indexmap::IndexMap;

use super::AwsError;

/// The most pages of a list. A list of more pages is taken for one that never ends.
const LIMIT: usize = 1000;

/// A list operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List {
    /// The IAM prefix of the service, such as `iam`.
    pub(super) service: &'static str,
    /// Such as `ListRoles`.
    pub(super) operation: &'static str,
    /// The members of the answer that hold the items, by their names on the wire. AWS sends them for an empty list too.
    pub(super) members: &'static [&'static str],
}

/// Every list operation that vssctl reads, with AWS's names of the service models. `ListTags` of AWS Backup answers
/// with a map, which may be absent: without tags a resource is never taken for ours.
pub(super) mod lists {
    use super::List;

    macro_rules! lists {
        ($($name:ident = $service:literal $operation:literal [$($member:literal),*];)+) => {
            $(pub(in crate::aws) const $name: &List =
                &List { service: $service, operation: $operation, members: &[$($member),*] };)+

            /// All lists.
            pub(in crate::aws) const ALL: &[&List] = &[$($name),+];
        };
    }

    lists! {
        AUTHORIZATION_DETAILS = "iam" "GetAccountAuthorizationDetails" ["RoleDetailList", "Policies"];
        ROLES = "iam" "ListRoles" ["Roles"];
        INSTANCE_PROFILES = "iam" "ListInstanceProfiles" ["InstanceProfiles"];
        TAGGED = "tag" "GetResources" ["ResourceTagMappingList"];
        BACKUP_VAULTS = "backup" "ListBackupVaults" ["BackupVaultList"];
        BACKUP_PLANS = "backup" "ListBackupPlans" ["BackupPlansList"];
        BACKUP_SELECTIONS = "backup" "ListBackupSelections" ["BackupSelectionsList"];
        BACKUP_TAGS = "backup" "ListTags" [];
        RESTORE_TESTING_PLANS = "backup" "ListRestoreTestingPlans" ["RestoreTestingPlans"];
        RESTORE_TESTING_SELECTIONS = "backup" "ListRestoreTestingSelections" ["RestoreTestingSelections"];
        BACKUP_JOBS = "backup" "ListBackupJobs" ["BackupJobs"];
        COPY_JOBS = "backup" "ListCopyJobs" ["CopyJobs"];
        ASSOCIATIONS = "ssm" "ListAssociations" ["Associations"];
        ASSOCIATION_EXECUTIONS = "ssm" "DescribeAssociationExecutions" ["AssociationExecutions"];
        ASSOCIATION_TARGETS = "ssm" "DescribeAssociationExecutionTargets" ["AssociationExecutionTargets"];
        ASSOCIATION_TAGS = "ssm" "ListTagsForResource" ["TagList"];
        COMMANDS = "ssm" "ListCommands" ["Commands"];
        COMMAND_INVOCATIONS = "ssm" "ListCommandInvocations" ["CommandInvocations"];
        INSTANCE_INFORMATION = "ssm" "DescribeInstanceInformation" ["InstanceInformationList"];
        INVENTORY = "ssm" "GetInventory" ["Entities"];
        PARAMETERS = "ssm" "GetParametersByPath" ["Parameters"];
        GRANTS = "kms" "ListGrants" ["Grants"];
        INSTANCES = "ec2" "DescribeInstances" ["reservationSet"];
        PROFILE_ASSOCIATIONS = "ec2" "DescribeIamInstanceProfileAssociations" ["iamInstanceProfileAssociationSet"];
        IMAGES = "ec2" "DescribeImages" ["imagesSet"];
        SNAPSHOTS = "ec2" "DescribeSnapshots" ["snapshotSet"];
        VOLUMES = "ec2" "DescribeVolumes" ["volumeSet"];
        ROUTE_TABLES = "ec2" "DescribeRouteTables" ["routeTableSet"];
        VPC_ENDPOINTS = "ec2" "DescribeVpcEndpoints" ["vpcEndpointSet"];
    }
}

impl List {
    /// Finds a list by the name of its operation, which no two services share.
    pub(super) fn find(operation: &str) -> Option<&'static Self> {
        lists::ALL.iter().copied().find(|list| list.operation == operation)
    }

    fn error(&self, message: impl Into<String>) -> AwsError {
        AwsError::unsettled(self.service, self.operation, message)
    }
}

/// The items of a list, each once, in the order in which AWS first showed them. Where an item was shown twice, the
/// later one counts.
#[derive(Debug)]
pub(super) struct Items<T> {
    list: &'static List,
    found: IndexMap<String, T>,
}

impl<T> Items<T> {
    pub(super) fn new(list: &'static List) -> Self {
        Self { list, found: IndexMap::new() }
    }

    /// Adds what a page holds.
    ///
    /// # Errors
    ///
    /// When the page has no such member, or an item has no id.
    pub(super) fn add<Id: Into<String>>(
        &mut self,
        page: impl Into<Option<Vec<T>>>,
        id: impl Fn(&T) -> Option<Id>,
    ) -> Result<(), AwsError> {
        let page = page.into().ok_or_else(|| self.list.error("the answer has no list"))?;
        self.found.reserve(page.len());
        for item in page {
            let id = id(&item).ok_or_else(|| self.list.error("an item of the list has no id"))?.into();
            self.found.insert(id, item);
        }
        Ok(())
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.found.into_values().collect()
    }
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    /// The items; `None` where the answer has no such member.
    pub(super) items: Option<Vec<T>>,
    /// Whether the answer says that more pages follow, where the protocol has a member for that.
    pub(super) truncated: Option<bool>,
    /// The token of the next page.
    pub(super) next: Option<String>,
}

/// Reads a list to its end. `page` asks for the page of a token, and `id` tells the items apart.
///
/// # Errors
///
/// When a page fails, is no list, or does not say which page is next.
pub(super) async fn read_all<T, Id: Into<String>, F>(
    list: &'static List,
    id: impl Fn(&T) -> Option<Id>,
    page: impl Fn(Option<String>) -> F,
) -> Result<Vec<T>, AwsError>
where
    F: Future<Output = Result<Page<T>, AwsError>>,
{
    let (mut items, mut token, mut pages) = (Items::new(list), None, Pages::new(list));
    loop {
        let Page { items: found, truncated, next } = page(token).await?;
        items.add(found, &id)?;
        token = pages.next(truncated, next.as_deref())?;
        if token.is_none() {
            return Ok(items.into_vec());
        }
    }
}

/// Follows the tokens of one list.
#[derive(Debug)]
pub(super) struct Pages {
    list: &'static List,
    seen: BTreeSet<String>,
}

impl Pages {
    pub(super) fn new(list: &'static List) -> Self {
        Self { list, seen: BTreeSet::new() }
    }

    /// Decides on the next page. `truncated` says whether more pages follow, where the protocol has a member for that.
    pub(super) fn next(&mut self, truncated: Option<bool>, token: Option<&str>) -> Result<Option<String>, AwsError> {
        let token = token.filter(|token| !token.is_empty());
        let error = |message: &str| Err(self.list.error(message));
        match (truncated, token) {
            (Some(true), None) => error("the list is cut off and names no next page"),
            (Some(false), _) | (None, None) => Ok(None),
            (Some(true) | None, Some(token)) => {
                if !self.seen.insert(token.to_owned()) {
                    return error("the list names the same next page twice");
                }
                if self.seen.len() >= LIMIT {
                    return error("the list has more than 1000 pages");
                }
                Ok(Some(token.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        Pages::new(lists::ROLES)
    }

    #[test]
    fn a_list_ends_where_it_says_so() {
        assert_eq!(pages().next(Some(false), None).ok(), Some(None));
        assert_eq!(pages().next(None, Some("")).ok(), Some(None));
        assert_eq!(pages().next(None, Some("a")).ok(), Some(Some("a".to_owned())));
    }

    #[test]
    fn a_cut_off_list_without_a_next_page_is_an_error() {
        assert!(pages().next(Some(true), None).is_err());
        assert!(pages().next(Some(true), Some("")).is_err());
    }

    #[test]
    fn a_repeated_page_is_an_error() {
        let mut pages = pages();
        assert!(pages.next(Some(true), Some("a")).is_ok());
        assert!(pages.next(Some(true), Some("a")).is_err());
    }

    #[test]
    fn a_list_that_never_ends_is_an_error() {
        let mut pages = pages();
        assert!((0..=LIMIT).any(|page| pages.next(Some(true), Some(&page.to_string())).is_err()));
    }

    /// Reads a list of these pages, in which each item is its own id.
    fn read(pages: &[Option<Vec<&'static str>>]) -> Result<Vec<&'static str>, AwsError> {
        let count = pages.len();
        let page = |token: Option<String>| {
            let index: usize = token.map_or(0, |token| token.parse().expect("a number"));
            let next = (index + 1 < count).then(|| (index + 1).to_string());
            std::future::ready(Ok(Page { items: pages[index].clone(), truncated: None, next }))
        };
        let id = |item: &&'static str| (!item.is_empty()).then_some(*item);
        futures_util::FutureExt::now_or_never(read_all(lists::ROLES, id, page)).expect("nothing waits")
    }

    #[test]
    fn an_item_that_is_shown_twice_is_one_item() {
        assert_eq!(read(&[Some(vec!["a", "b", "a"]), Some(vec!["b", "c"])]).ok(), Some(vec!["a", "b", "c"]));
        assert_eq!(read(&[Some(vec![]), Some(vec!["c"])]).ok(), Some(vec!["c"]));
    }

    #[test]
    fn of_two_sights_of_an_item_the_later_counts() {
        let mut items = Items::new(lists::ROLES);
        items.add(vec![("a", 1), ("b", 1)], |item| Some(item.0)).expect("a page");
        items.add(vec![("a", 2)], |item| Some(item.0)).expect("a page");
        assert_eq!(items.into_vec(), [("a", 2), ("b", 1)]);
    }

    #[test]
    fn a_page_without_its_list_and_an_item_without_its_id_are_errors() {
        assert!(read(&[None]).is_err() && read(&[Some(vec!["a"]), None]).is_err());
        assert!(read(&[Some(vec!["a", ""])]).is_err());
    }

    #[test]
    fn an_operation_is_one_list() {
        let names: BTreeSet<&str> = lists::ALL.iter().map(|list| list.operation).collect();
        assert_eq!(names.len(), lists::ALL.len());
    }
}
