//! The reads of AWS Backup's restore testing.

use std::sync::Arc;

use aws_sdk_backup::types::{
    RestoreTestingPlanForGet, RestoreTestingPlanForList, RestoreTestingSelectionForGet, RestoreTestingSelectionForList,
};

use super::{Answered, Hearing, PAGE, Page, Reader, lists, read_all};
use crate::aws::AwsError;
use crate::aws::memo::Memo;

/// The answers about restore testing.
#[derive(Debug, Default)]
pub(super) struct Memos {
    plans: Memo<Arc<Vec<RestoreTestingPlanForList>>>,
    plan: Memo<Arc<Answered<RestoreTestingPlanForGet>>>,
    selections: Memo<Arc<Vec<RestoreTestingSelectionForList>>>,
    selection: Memo<Arc<Answered<RestoreTestingSelectionForGet>>>,
}

impl Memos {
    pub(super) fn kept(&self) -> Self {
        let Self { plans, plan, selections, selection } = self;
        Self { plans: plans.kept(), plan: plan.kept(), selections: selections.kept(), selection: selection.kept() }
    }
}

impl Reader {
    /// Reads every restore testing plan of the region.
    ///
    /// # Errors
    /// A call that failed, or an answer of another account.
    pub async fn list_restore_testing_plans(&self) -> Result<Arc<Vec<RestoreTestingPlanForList>>, AwsError> {
        let read = async {
            let page = |token| async {
                let request = self.backup.list_restore_testing_plans().max_results(PAGE).set_next_token(token);
                let page = self.call("backup", "ListRestoreTestingPlans", move || request.clone().send()).await?;
                let arns = page.restore_testing_plans().iter().map(|plan| Some(plan.restore_testing_plan_arn.as_str()));
                self.ours("backup", "ListRestoreTestingPlans", arns)?;
                Ok(Page { items: Some(page.restore_testing_plans), truncated: None, next: page.next_token })
            };
            let name = |plan: &RestoreTestingPlanForList| Some(plan.restore_testing_plan_name.clone());
            read_all(lists::RESTORE_TESTING_PLANS, name, page).await
        };
        self.memos.restore_testing.plans.get("", async { read.await.map(Arc::new) }).await
    }

    /// Reads one restore testing plan.
    ///
    /// # Errors
    /// A call that failed, or an answer without the plan.
    pub async fn restore_testing_plan(&self, name: &str) -> Result<Arc<Answered<RestoreTestingPlanForGet>>, AwsError> {
        let read = async {
            let hearing = Hearing::default();
            let request = self.backup.get_restore_testing_plan().restore_testing_plan_name(name);
            let answer = self
                .call("backup", "GetRestoreTestingPlan", || {
                    request.clone().customize().interceptor(hearing.clone()).send()
                })
                .await?;
            let missing = || AwsError::unsettled("backup", "GetRestoreTestingPlan", "the answer has no plan");
            let plan = answer.restore_testing_plan.ok_or_else(missing)?;
            Ok(Arc::new(Answered::new(plan, hearing.member("RestoreTestingPlan"))))
        };
        self.memos.restore_testing.plan.get(name, read).await
    }

    /// Reads the list of one restore testing plan's selections.
    ///
    /// # Errors
    /// A call that failed.
    pub async fn list_restore_testing_selections(
        &self,
        plan: &str,
    ) -> Result<Arc<Vec<RestoreTestingSelectionForList>>, AwsError> {
        let read = async {
            let page = |token| async {
                let request = self.backup.list_restore_testing_selections().restore_testing_plan_name(plan);
                let request = request.max_results(PAGE).set_next_token(token);
                let page = self.call("backup", "ListRestoreTestingSelections", move || request.clone().send()).await?;
                Ok(Page { items: Some(page.restore_testing_selections), truncated: None, next: page.next_token })
            };
            let name =
                |selection: &RestoreTestingSelectionForList| Some(selection.restore_testing_selection_name.clone());
            read_all(lists::RESTORE_TESTING_SELECTIONS, name, page).await
        };
        self.memos.restore_testing.selections.get(plan, async { read.await.map(Arc::new) }).await
    }

    /// Reads one selection of a restore testing plan.
    ///
    /// # Errors
    /// A call that failed, or an answer without the selection.
    pub async fn restore_testing_selection(
        &self,
        plan: &str,
        name: &str,
    ) -> Result<Arc<Answered<RestoreTestingSelectionForGet>>, AwsError> {
        let read = async {
            let request = self.backup.get_restore_testing_selection().restore_testing_plan_name(plan);
            let hearing = Hearing::default();
            let request = request.restore_testing_selection_name(name);
            let answer = self
                .call("backup", "GetRestoreTestingSelection", || {
                    request.clone().customize().interceptor(hearing.clone()).send()
                })
                .await?;
            let missing = || AwsError::unsettled("backup", "GetRestoreTestingSelection", "the answer has no selection");
            let selection = answer.restore_testing_selection.ok_or_else(missing)?;
            Ok(Arc::new(Answered::new(selection, hearing.member("RestoreTestingSelection"))))
        };
        self.memos.restore_testing.selection.get(&format!("{plan}/{name}"), read).await
    }
}
