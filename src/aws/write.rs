//! The client that writes. Kinds make their planned calls through it; no other code has one.
//!
//! The SDK sends each call once. Whether a call is sent again is decided in `apply::run`, from the table in
//! `model::operation`: only there is it known which calls do no harm twice, and only one layer counts the tries.

use crate::model::Operation;
use crate::model::operation::Effect;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_backup::types::BackupSelectionsListMember;
use aws_sdk_ssm::types::ParameterType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::bodies::Name;
use super::ec2::{self, Parameters};
use super::error::convert;
use super::limiter::Category;
use super::read::Line;
use super::{AwsError, Clients, ProfileAssociation, Reader};
use crate::model::Scope;

/// A client that can write.
#[derive(Debug)]
pub struct Writer {
    line: Line,
    scope: Arc<Scope>,
    iam: aws_sdk_iam::Client,
    backup: aws_sdk_backup::Client,
    ssm: aws_sdk_ssm::Client,
    ec2: ec2::Client,
    clients: Clients,
    calls: Mutex<BTreeMap<Operation, usize>>,
}

/// An on-demand backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupOrder {
    /// The ARN of the instance.
    pub resource: String,
    /// The vault's name.
    pub vault: String,
    /// The ARN of the backup role.
    pub role: String,
    /// How many days it is kept; for ever where this is absent.
    pub delete_after_days: Option<u32>,
    /// The token: a new one for each backup that is wanted.
    pub token: String,
}

impl Writer {
    pub(super) fn new(
        line: Line,
        scope: Arc<Scope>,
        iam: aws_sdk_iam::Client,
        backup: aws_sdk_backup::Client,
        ssm: aws_sdk_ssm::Client,
        ec2: ec2::Client,
        clients: Clients,
    ) -> Self {
        Self { line, scope, iam, backup, ssm, ec2, clients, calls: Mutex::default() }
    }

    /// Makes a client for a fresh look.
    pub fn reader(&self) -> Reader {
        self.clients.reader().looking()
    }

    /// Forgets the credentials and asks for new ones; false when there are no others.
    pub async fn renew_credentials(&self) -> bool {
        self.clients.renew_credentials().await
    }

    /// Returns the date of the newest answer to a read, in milliseconds since 1970 by AWS's clock; 0 before the first.
    pub fn date(&self) -> u64 {
        self.clients.date()
    }

    /// Remembers the body that a version of a plan was given, as `CreateBackupPlan` and `UpdateBackupPlan` take it.
    pub(crate) fn made_plan(&self, id: &str, version: &str, arn: Option<&str>, body: &Value) {
        let mut plan = body.clone();
        let settings = plan.as_object_mut().and_then(|plan| plan.remove("AdvancedBackupSettings"));
        let mut answer = json!({ "BackupPlan": plan, "BackupPlanId": id, "VersionId": version });
        let settings = settings.map(|settings| ("AdvancedBackupSettings", settings));
        let members = settings.into_iter().chain(arn.map(|arn| ("BackupPlanArn", arn.into())));
        for (name, value) in members {
            answer[name] = value;
        }
        self.clients.bodies().made(&Name::Plan(id, version), &answer);
    }

    /// Remembers that a plan is new, and has no selections.
    pub(crate) fn made_without_selections(&self, plan: &str) {
        self.clients.bodies().set_selections(plan, Some(Vec::new()));
    }

    /// Remembers a selection that was made, with the body that `CreateBackupSelection` takes.
    pub(crate) fn made_selection(&self, plan: &str, member: BackupSelectionsListMember, body: &Value) {
        let bodies = self.clients.bodies();
        let Some(id) = member.selection_id().map(str::to_owned) else { return };
        bodies.made(&Name::Selection(plan, &id), &json!({ "BackupSelection": body, "SelectionId": id }));
        if let Some(mut members) = bodies.selections(plan) {
            members.retain(|other| other.selection_id() != Some(id.as_str()));
            members.push(member);
            bodies.set_selections(plan, Some(members));
        }
    }

    /// Forgets which selections a plan has: AWS does not say that one is gone.
    pub(crate) fn forget_selections(&self, plan: &str) {
        self.clients.bodies().set_selections(plan, None);
    }

    /// Returns the scope of the client.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns how many calls were made, by operation, such as `iam:CreateRole`. Each request counts.
    pub fn calls(&self) -> BTreeMap<Operation, usize> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn iam(&self) -> &aws_sdk_iam::Client {
        &self.iam
    }

    pub(crate) fn backup(&self) -> &aws_sdk_backup::Client {
        &self.backup
    }

    pub(crate) fn ssm(&self) -> &aws_sdk_ssm::Client {
        &self.ssm
    }

    /// Starts an on-demand backup with VSS; returns the job's id. The token makes it safe to send twice.
    pub async fn start_backup_job(&self, order: &BackupOrder) -> Result<String, AwsError> {
        let lifecycle = order
            .delete_after_days
            .map(|days| aws_sdk_backup::types::Lifecycle::builder().delete_after_days(i64::from(days)).build());
        let request = self
            .backup
            .start_backup_job()
            .backup_vault_name(&order.vault)
            .resource_arn(&order.resource)
            .iam_role_arn(&order.role)
            .idempotency_token(&order.token)
            .set_lifecycle(lifecycle)
            .backup_options("WindowsVSS", "enabled");
        let answer = self.send(Operation::StartBackupJob, request.send()).await?;
        let missing = || AwsError::unsettled("backup", "StartBackupJob", "the answer has no job id");
        answer.backup_job_id.ok_or_else(missing)
    }

    /// Puts an instance profile on an instance that has none.
    pub async fn associate_instance_profile(
        &self,
        instance: &str,
        profile: &str,
    ) -> Result<ProfileAssociation, AwsError> {
        let parameters = Parameters::default().with("InstanceId", instance).with("IamInstanceProfile.Name", profile);
        self.associating(Operation::AssociateIamInstanceProfile, parameters).await
    }

    /// Replaces the instance profile of an association.
    pub async fn replace_instance_profile(
        &self,
        association: &str,
        profile: &str,
    ) -> Result<ProfileAssociation, AwsError> {
        let parameters =
            Parameters::default().with("AssociationId", association).with("IamInstanceProfile.Name", profile);
        self.associating(Operation::ReplaceIamInstanceProfileAssociation, parameters).await
    }

    /// Takes an instance profile off an instance.
    pub async fn disassociate_instance_profile(&self, association: &str) -> Result<ProfileAssociation, AwsError> {
        let parameters = Parameters::default().with("AssociationId", association);
        self.associating(Operation::DisassociateIamInstanceProfile, parameters).await
    }

    async fn associating(&self, operation: Operation, parameters: Parameters) -> Result<ProfileAssociation, AwsError> {
        let answer = self.send(operation, self.ec2.send(operation.name(), parameters)).await?;
        let missing = || AwsError::unsettled("ec2", operation.name(), "the answer has no association");
        ec2::association_in(&answer).ok_or_else(missing)
    }

    /// Counts a call that is sent again.
    pub(crate) fn retried(&self) {
        self.line.limiter.retried();
    }

    /// Waits until a call of an operation would not have to wait for its turn.
    pub(crate) async fn ready(&self, operation: Operation) {
        self.line.limiter.ready(operation.service(), category(operation)).await;
    }

    /// Makes one call: waits for its turn, counts it, converts its error.
    pub(crate) fn send<'a, O, E>(
        &'a self,
        operation: Operation,
        request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send + 'a,
    ) -> BoxFuture<'a, Result<O, AwsError>>
    where
        O: Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        self.send_unless(operation, request, |_| None)
    }

    /// Makes one call. Some of its errors mean that it was made before: `done` turns those into the answer.
    pub(crate) fn send_unless<'a, O, E>(
        &'a self,
        operation: Operation,
        request: impl Future<Output = Result<O, SdkError<E, HttpResponse>>> + Send + 'a,
        done: impl FnOnce(&E) -> Option<O> + Send + 'a,
    ) -> BoxFuture<'a, Result<O, AwsError>>
    where
        O: Send + 'a,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        // The SDK's futures are large, so that they are kept on the heap.
        let request = request.boxed();
        async move {
            *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default() += 1;
            let (service, name) = (operation.service(), operation.name());
            if category(operation) != Category::Write {
                self.line.limiter.looked();
            }
            let turn = self.line.limiter.turn(service, name, category(operation), self.line.is_first).await;
            tracing::debug!(action = operation.action(), "write");
            let answer = match request.await {
                Ok(answer) => Ok(answer),
                Err(error) => match error.as_service_error().and_then(done) {
                    Some(answer) => Ok(answer),
                    None => Err(convert(service, name, error)),
                },
            };
            self.line.limiter.answered(&turn, &answer);
            answer
        }
        .boxed()
    }
}

impl Writer {
    /// Writes a parameter of Parameter Store as a plain text.
    pub async fn put_parameter(&self, name: &str, value: &str, overwrite: bool) -> Result<(), AwsError> {
        let request =
            self.ssm.put_parameter().name(name).value(value).overwrite(overwrite).r#type(ParameterType::String);
        self.send(Operation::PutParameter, request.send()).await.map(|_| ())
    }

    /// Deletes parameters of Parameter Store; those that are not there are no error.
    pub async fn delete_parameters(&self, names: &[String]) -> Result<(), AwsError> {
        // AWS accepts ten names at a time.
        for names in names.chunks(10) {
            let request = self.ssm.delete_parameters().set_names(Some(names.to_vec()));
            self.send(Operation::DeleteParameters, request.send()).await?;
        }
        Ok(())
    }
}

/// Returns the category of an operation. The looks of a plan are reads.
fn category(operation: Operation) -> Category {
    match operation.known().effect {
        Effect::Reads => Category::of_read(operation.name()),
        Effect::Creates | Effect::Changes | Effect::Replaces(_) | Effect::Deletes(_) => Category::Write,
    }
}
