//! The reads about documents that ran on instances: the invocations of commands and the executions of associations.

use std::sync::Arc;

use aws_sdk_ssm::operation::get_command_invocation::GetCommandInvocationOutput;
use aws_sdk_ssm::types::{
    AssociationExecution, AssociationExecutionTarget, CommandFilter, CommandFilterKey, CommandInvocation,
};

use super::{Page, Reader, lists, read_all};
use crate::aws::AwsError;

/// The largest page of SSM's lists.
const PAGE: i32 = 50;

/// The invocations that a read is about.
#[derive(Clone, Copy, Debug)]
pub enum Invocations<'a> {
    /// The invocations of one command.
    Command(&'a str),
    /// The invocations of every command that ran a document; AWS keeps them for 30 days.
    Document(&'a str),
}

impl Reader {
    /// Reads what commands did on each instance, with what the plugins wrote (2,500 characters each).
    pub async fn command_invocations(&self, which: Invocations<'_>) -> Result<Vec<CommandInvocation>, AwsError> {
        let (service, operation) = ("ssm", "ListCommandInvocations");
        let page = |token| async {
            let request = self.ssm.list_command_invocations().details(true).max_results(PAGE).set_next_token(token);
            let request = match which {
                Invocations::Command(id) => request.command_id(id),
                Invocations::Document(name) => {
                    let filter = CommandFilter::builder().key(CommandFilterKey::DocumentName).value(name).build();
                    request.filters(filter.map_err(|error| AwsError::rejected(service, operation, error.to_string()))?)
                }
            };
            let page = self.call(service, operation, move || request.clone().send()).await?;
            Ok(Page { items: page.command_invocations, truncated: None, next: page.next_token })
        };
        // A command runs once on an instance, so that the instance tells its invocations apart.
        let id = |one: &CommandInvocation| Some(format!("{} {}", one.command_id()?, one.instance_id()?));
        read_all(lists::COMMAND_INVOCATIONS, id, page).await
    }

    /// Reads what a command did on one instance; `None` while AWS does not show it yet, or where there is no such run.
    /// The run of an association is a command as well, whose id is the output source of the execution target.
    pub async fn command_invocation(
        &self,
        command: &str,
        instance: &str,
    ) -> Result<Option<GetCommandInvocationOutput>, AwsError> {
        let request = self.ssm.get_command_invocation().command_id(command).instance_id(instance);
        match self.call("ssm", "GetCommandInvocation", move || request.clone().send()).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code.as_deref() == Some("InvocationDoesNotExist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the runs of an association, the newest first.
    pub async fn association_executions(&self, id: &str) -> Result<Arc<Vec<AssociationExecution>>, AwsError> {
        let (service, operation) = ("ssm", "DescribeAssociationExecutions");
        let page = |token| async {
            let request = self.ssm.describe_association_executions().association_id(id);
            let request = request.max_results(PAGE).set_next_token(token);
            let page = self.call(service, operation, move || request.clone().send()).await?;
            Ok(Page { items: page.association_executions, truncated: None, next: page.next_token })
        };
        let id = |one: &AssociationExecution| one.execution_id.clone();
        let mut found = read_all(lists::ASSOCIATION_EXECUTIONS, id, page).await?;
        let newest = |one: &AssociationExecution| one.created_time().map(aws_smithy_types::DateTime::as_nanos);
        found.sort_by_key(|one| std::cmp::Reverse(newest(one)));
        Ok(Arc::new(found))
    }

    /// Reads how one run of an association ended on each instance.
    pub async fn association_targets(
        &self,
        association: &str,
        execution: &str,
    ) -> Result<Vec<AssociationExecutionTarget>, AwsError> {
        let (service, operation) = ("ssm", "DescribeAssociationExecutionTargets");
        let page = |token| async {
            let request = self
                .ssm
                .describe_association_execution_targets()
                .association_id(association)
                .execution_id(execution)
                .max_results(PAGE)
                .set_next_token(token);
            let page = self.call(service, operation, move || request.clone().send()).await?;
            Ok(Page { items: page.association_execution_targets, truncated: None, next: page.next_token })
        };
        read_all(lists::ASSOCIATION_TARGETS, |one: &AssociationExecutionTarget| one.resource_id.clone(), page).await
    }
}
