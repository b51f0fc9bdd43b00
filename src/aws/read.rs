//! The read-only client: every read that a kind needs, complete or an error, and each made once.
//!
//! The SDK clients are private, so that writing through a `Reader` does not compile:
//!
//! ```compile_fail,E0616
//! fn write(reader: &vssctl::aws::Reader) {
//!     let _ = reader.iam.delete_role();
//! }
//! ```
//!
//! Lists ask for the largest page that AWS allows and are read to the end. All answers are remembered, so that kinds
//! can ask for the same list independently of each other. A `Reader` is a snapshot: a fresh look needs a fresh one.

mod ec2;
mod kms;
mod memos;
mod proof;
mod regional;
mod restore_testing;
mod runs;

use crate::model::marks::STACK;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_iam::types::{EntityType, InstanceProfile, ManagedPolicyDetail, Policy, Role, RoleDetail, SummaryKeyType};
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::ErrorKind;
use super::bodies::Bodies;
use super::error::convert;
use super::fence::Dated;
use super::limiter::{Category, Limiter};
use super::pages::{Items, Page, Pages, lists, read_all};
use super::retry::Waits;
use super::unmodelled::{Answered, Hearing};
use super::{AwsError, Caller};
use crate::model::Scope;
use crate::model::operation::Class;

use memos::Memos;
pub use memos::Stale;
pub use runs::Invocations;

/// The largest page of IAM's and Backup's lists.
const PAGE: i32 = 1000;
/// The largest page of the Tagging API.
const TAG_PAGE: i32 = 100;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;
/// The tags of many resources by ARN.
pub type TagsByArn = BTreeMap<String, Tags>;

/// The roles and customer managed policies of `GetAccountAuthorizationDetails`.
#[derive(Debug, Default)]
pub struct Authorization {
    /// Roles with their documents, attachments and tags, without description and session duration.
    pub roles: Vec<RoleDetail>,
    /// Customer managed policies with their versions, without tags.
    pub policies: Vec<ManagedPolicyDetail>,
}

/// A region's resource type settings: opt-ins and full management, by resource type.
#[derive(Clone, Debug, Default)]
pub struct RegionSettings {
    /// `ResourceTypeOptInPreference`.
    pub opt_in: BTreeMap<String, bool>,
    /// `ResourceTypeManagementPreference`.
    pub management: BTreeMap<String, bool>,
    /// The JSON of the answer.
    pub heard: Value,
}

/// Who gets which notifications of a vault.
#[derive(Clone, Debug, Default)]
pub struct VaultNotifications {
    /// The ARN of the SNS topic.
    pub topic: String,
    /// Names such as `BACKUP_JOB_COMPLETED`.
    pub events: Vec<String>,
    /// The JSON of the answer.
    pub heard: Value,
}

/// Where the calls of a client stand in line, and how long they are tried again.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) limiter: Arc<Limiter>,
    /// Its calls wait for nobody: those of the lease.
    pub(super) is_first: bool,
    /// Its calls only look whether a change may be made.
    pub(super) is_look: bool,
    /// The unit of the waits between two tries.
    pub(super) pace: Duration,
    /// What is known of AWS's clock.
    pub(super) dated: Dated,
}

/// The codes by which AWS may refuse a signature for its date, and the milliseconds from which on the clocks are so far
/// apart that it does: the SDK's own figures. It signs by AWS's clock from the next call on.
const SKEWED: [&str; 5] = [
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];
const SKEW: u64 = 240_000;

impl Line {
    fn is_skewed(&self, error: &AwsError) -> bool {
        error.code.as_deref().is_some_and(|code| SKEWED.contains(&code))
            && self.dated.ahead().is_some_and(|ahead| ahead.unsigned_abs() > SKEW)
    }
}

/// What a client takes from what the run knows, in place of asking.
#[derive(Clone, Debug)]
pub(super) enum Memory {
    /// Nothing: looks before a write, and all proofs.
    Nothing,
    /// What never changes.
    Bodies(Arc<Bodies>),
    /// That, and what AWS acknowledged to this run: what is looked at after an apply.
    Own(Arc<Bodies>),
}

impl Memory {
    fn bodies(&self) -> Option<&Bodies> {
        match self {
            Self::Nothing => None,
            Self::Bodies(bodies) | Self::Own(bodies) => Some(bodies),
        }
    }
}

/// A client that can only read.
#[derive(Debug)]
pub struct Reader {
    line: Line,
    memory: Memory,
    /// For how long a read is tried again at most.
    patience: Option<Duration>,
    scope: Arc<Scope>,
    sts: aws_sdk_sts::Client,
    iam: aws_sdk_iam::Client,
    backup: aws_sdk_backup::Client,
    ssm: aws_sdk_ssm::Client,
    ec2: super::ec2::Client,
    kms: super::kms::Client,
    /// The Tagging API of the region, and of IAM's home region.
    tagging: [aws_sdk_resourcegroupstagging::Client; 2],
    calls: Mutex<BTreeMap<String, usize>>,
    memos: Memos,
}

impl Reader {
    #[expect(clippy::too_many_arguments, reason = "one client a service")]
    pub(super) fn new(
        line: Line,
        memory: Memory,
        patience: Option<Duration>,
        scope: Arc<Scope>,
        sts: aws_sdk_sts::Client,
        iam: aws_sdk_iam::Client,
        backup: aws_sdk_backup::Client,
        ssm: aws_sdk_ssm::Client,
        ec2: super::ec2::Client,
        kms: super::kms::Client,
        tagging: [aws_sdk_resourcegroupstagging::Client; 2],
    ) -> Self {
        let (calls, memos) = (Mutex::default(), Memos::default());
        Self { line, memory, patience, scope, sts, iam, backup, ssm, ec2, kms, tagging, calls, memos }
    }

    /// Makes a client like this one that has read nothing yet.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self::new(
            self.line.clone(),
            self.memory.clone(),
            self.patience,
            Arc::clone(&self.scope),
            self.sts.clone(),
            self.iam.clone(),
            self.backup.clone(),
            self.ssm.clone(),
            self.ec2.clone(),
            self.kms.clone(),
            self.tagging.clone(),
        )
    }

    /// Makes a client that knows what this one has read, but for what may be out of date. What AWS acknowledged to this
    /// run with an answer is not asked for either.
    #[must_use]
    pub fn again(&self, stale: &Stale) -> Self {
        let memory = match &self.memory {
            Memory::Nothing => Memory::Nothing,
            Memory::Bodies(bodies) | Memory::Own(bodies) => Memory::Own(Arc::clone(bodies)),
        };
        if let Some(bodies) = memory.bodies() {
            stale.plans.iter().for_each(|plan| bodies.set_selections(plan, None));
        }
        Self { memory, memos: self.memos.without(stale), ..self.fresh() }
    }

    /// Makes it one whose calls count as looks before a change.
    #[must_use]
    pub(super) fn looking(self) -> Self {
        Self { line: Line { is_look: true, ..self.line.clone() }, ..self }
    }

    /// Returns the scope of the client.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns how many calls were made, by operation, such as `iam:ListRoles`. A call that is sent again counts once.
    pub fn calls(&self) -> BTreeMap<String, usize> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn ssm(&self) -> &aws_sdk_ssm::Client {
        &self.ssm
    }

    /// Makes one call: waits for its turn, converts its error, and asks again as long as that may help. A read does no
    /// harm twice. The SDK's futures are large, so that they are kept on the heap.
    pub(super) fn call<'a, O, E, F>(
        &'a self,
        service: &'static str,
        operation: &'static str,
        mut request: impl FnMut() -> F + Send + 'a,
    ) -> BoxFuture<'a, Result<O, AwsError>>
    where
        O: Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        F: Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send + 'a,
    {
        async move {
            let line = &self.line;
            *self
                .calls
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(format!("{service}:{operation}"))
                .or_default() += 1;
            let mut waits = Waits::new(line.pace).within(self.patience);
            let mut had_wrong_date = false;
            loop {
                let turn = line.limiter.turn(service, operation, Category::of_read(operation), line.is_first).await;
                if line.is_look {
                    line.limiter.looked();
                }
                tracing::debug!(service, operation, "read");
                let answer = request().boxed().await.map_err(|error| convert(service, operation, error));
                line.limiter.answered(&turn, &answer);
                drop(turn);
                let error = match answer {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                if line.is_skewed(&error) && !std::mem::replace(&mut had_wrong_date, true) {
                    line.limiter.retried();
                    continue;
                }
                let passes = matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unsettled | ErrorKind::Unreachable);
                match waits.next(&error, Class::Idempotent, false).filter(|_| passes) {
                    Some(delay) => tokio::time::sleep(delay).await,
                    None => return Err(error),
                }
                line.limiter.retried();
            }
        }
        .boxed()
    }

    /// Checks that a list is about the run's account: a resource of another account is none that was asked for.
    fn ours<'a>(
        &self,
        service: &str,
        operation: &str,
        arns: impl IntoIterator<Item = Option<&'a str>>,
    ) -> Result<(), AwsError> {
        let account = self.scope.account_id.as_str();
        match arns.into_iter().flatten().find(|arn| arn.split(':').nth(4) != Some(account)) {
            None => Ok(()),
            Some(arn) => Err(AwsError::unsettled(service, operation, format!("`{arn}` is not of account {account}"))),
        }
    }

    /// Asks STS who the caller is.
    pub async fn caller_identity(&self) -> Result<Caller, AwsError> {
        let read = async {
            let answer = self.call("sts", "GetCallerIdentity", || self.sts.get_caller_identity().send()).await?;
            match (answer.account, answer.arn, answer.user_id) {
                (Some(account), Some(arn), user_id) => {
                    Ok(Caller { account, arn, user_id: user_id.unwrap_or_default() })
                }
                _ => Err(AwsError::unsettled("sts", "GetCallerIdentity", "the answer names no account")),
            }
        };
        self.memos.caller.get("", read).await
    }

    /// Reads every role and customer managed policy of the account.
    pub async fn account_authorization_details(&self) -> Result<Arc<Authorization>, AwsError> {
        let read = async {
            let list = lists::AUTHORIZATION_DETAILS;
            let (mut roles, mut policies) = (Items::new(list), Items::new(list));
            let (mut marker, mut pages) = (None, Pages::new(list));
            loop {
                let request = self
                    .iam
                    .get_account_authorization_details()
                    .filter(EntityType::Role)
                    .filter(EntityType::LocalManagedPolicy)
                    .max_items(PAGE)
                    .set_marker(marker);
                let page = self.call(list.service, list.operation, move || request.clone().send()).await?;
                self.ours(list.service, list.operation, page.role_detail_list().iter().map(|role| role.arn()))?;
                self.ours(list.service, list.operation, page.policies().iter().map(|policy| policy.arn()))?;
                marker = pages.next(Some(page.is_truncated), page.marker.as_deref())?;
                roles.add(page.role_detail_list, |role| role.arn.clone())?;
                policies.add(page.policies, |policy| policy.arn.clone())?;
                if marker.is_none() {
                    return Ok(Arc::new(Authorization { roles: roles.into_vec(), policies: policies.into_vec() }));
                }
            }
        };
        self.memos.authorization.get("", read).await
    }

    /// Reads how many of what the account has and may have at most, by names such as `RolesQuota`.
    pub async fn account_summary(&self) -> Result<Arc<BTreeMap<String, usize>>, AwsError> {
        let read = async {
            let answer = self.call("iam", "GetAccountSummary", || self.iam.get_account_summary().send()).await?;
            let summary = answer.summary_map.unwrap_or_default().into_iter();
            let count = |(name, count): (SummaryKeyType, i32)| Some((name.as_str().to_owned(), count.try_into().ok()?));
            Ok(Arc::new(summary.filter_map(count).collect()))
        };
        self.memos.summary.get("", read).await
    }

    /// Reads every role of the account, for the description and session duration that the sweep lacks.
    pub async fn list_roles(&self) -> Result<Arc<Vec<Role>>, AwsError> {
        let read = async {
            let page = |marker| async {
                let request = self.iam.list_roles().max_items(PAGE).set_marker(marker);
                let page = self.call("iam", "ListRoles", move || request.clone().send()).await?;
                self.ours("iam", "ListRoles", page.roles().iter().map(|role| Some(role.arn())))?;
                Ok(Page { items: Some(page.roles), truncated: Some(page.is_truncated), next: page.marker })
            };
            read_all(lists::ROLES, |role: &Role| Some(role.arn.clone()), page).await
        };
        self.memos.roles.get("", async { read.await.map(Arc::new) }).await
    }

    /// Reads every instance profile of the account, without tags.
    pub async fn list_instance_profiles(&self) -> Result<Arc<Vec<InstanceProfile>>, AwsError> {
        let read = async {
            let page = |marker| async {
                let request = self.iam.list_instance_profiles().max_items(PAGE).set_marker(marker);
                let page = self.call("iam", "ListInstanceProfiles", move || request.clone().send()).await?;
                let arns = page.instance_profiles().iter().map(|profile| Some(profile.arn()));
                self.ours("iam", "ListInstanceProfiles", arns)?;
                Ok(Page { items: Some(page.instance_profiles), truncated: Some(page.is_truncated), next: page.marker })
            };
            read_all(lists::INSTANCE_PROFILES, |profile: &InstanceProfile| Some(profile.arn.clone()), page).await
        };
        self.memos.profiles.get("", async { read.await.map(Arc::new) }).await
    }

    /// Reads one role, with its tags.
    pub async fn role(&self, name: &str) -> Result<Arc<Role>, AwsError> {
        let read = async {
            let answer = self.call("iam", "GetRole", || self.iam.get_role().role_name(name).send()).await?;
            answer.role.map(Arc::new).ok_or_else(|| AwsError::unsettled("iam", "GetRole", "the answer has no role"))
        };
        self.memos.role.get(name, read).await
    }

    /// Reads one instance profile, with its role and all of its tags, at most 50.
    pub async fn instance_profile(&self, name: &str) -> Result<Arc<InstanceProfile>, AwsError> {
        let read = async {
            let request = self.iam.get_instance_profile().instance_profile_name(name);
            let answer = self.call("iam", "GetInstanceProfile", move || request.clone().send()).await?;
            let missing = || AwsError::unsettled("iam", "GetInstanceProfile", "the answer has no profile");
            answer.instance_profile.map(Arc::new).ok_or_else(missing)
        };
        self.memos.profile.get(name, read).await
    }

    /// Reads the tags of one instance profile at their source.
    pub async fn instance_profile_tags(&self, name: &str) -> Result<Arc<Tags>, AwsError> {
        let profile = self.instance_profile(name).await?;
        Ok(Arc::new(profile.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()))
    }

    /// Reads one customer managed policy, with its description and tags.
    pub async fn policy(&self, arn: &str) -> Result<Arc<Policy>, AwsError> {
        let read = async {
            let answer = self.call("iam", "GetPolicy", || self.iam.get_policy().policy_arn(arn).send()).await?;
            answer
                .policy
                .map(Arc::new)
                .ok_or_else(|| AwsError::unsettled("iam", "GetPolicy", "the answer has no policy"))
        };
        self.memos.policies.get(arn, read).await
    }

    /// Reads the tags of all resources in the region that carry our stack's tag. This index lags behind the services.
    pub async fn tagged(&self) -> Result<Arc<TagsByArn>, AwsError> {
        self.memos.index.get("region", self.sweep_tags(&self.tagging[0], &[])).await
    }

    /// Reads the tags of our stack's IAM resources. They are instance profiles and policies, as the Tagging API knows
    /// no roles.
    pub async fn tagged_iam(&self) -> Result<Arc<TagsByArn>, AwsError> {
        if self.scope.region == self.scope.iam_region() {
            return self.tagged().await;
        }
        let kinds = ["iam:instance-profile", "iam:policy"];
        self.memos.index.get("iam", self.sweep_tags(&self.tagging[1], &kinds)).await
    }

    async fn sweep_tags(
        &self,
        client: &aws_sdk_resourcegroupstagging::Client,
        kinds: &[&str],
    ) -> Result<Arc<TagsByArn>, AwsError> {
        let filter = TagFilter::builder().key(STACK).values(&self.scope.stack).build();
        let kinds: Option<Vec<String>> =
            (!kinds.is_empty()).then(|| kinds.iter().map(|kind| (*kind).to_owned()).collect());
        let page = |token| async {
            let request = client
                .get_resources()
                .tag_filters(filter.clone())
                .set_resource_type_filters(kinds.clone())
                .resources_per_page(TAG_PAGE)
                .set_pagination_token(token);
            let page = self.call("tag", "GetResources", move || request.clone().send()).await?;
            Ok(Page { items: page.resource_tag_mapping_list, truncated: None, next: page.pagination_token })
        };
        let arn = |tagged: &ResourceTagMapping| tagged.resource_arn.clone();
        let tagged = read_all(lists::TAGGED, arn, page).await?;
        let tags = |tagged: &ResourceTagMapping| {
            tagged.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
        };
        Ok(Arc::new(tagged.iter().filter_map(|one| Some((arn(one)?, tags(one)))).collect()))
    }
}
