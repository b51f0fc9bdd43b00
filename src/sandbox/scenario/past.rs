//! `[[association]]` and `[[job]]`: what was started in the past, and what has come of it since.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Spanned;

use super::loader::Loader;
use super::reader::Reader;
use crate::model::duration;
use crate::sandbox::backup::{Ended, Origin, Past};
use crate::sandbox::{dispatch, ssm};

/// How long ago a job was started whose row does not say it, in milliseconds.
const DAY: i64 = 24 * 3_600_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Association {
    name: Spanned<String>,
    document: Option<String>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(default)]
    instances: Vec<Spanned<String>>,
    tag: Option<Spanned<String>>,
    schedule: Option<String>,
    ago: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Job {
    instance: Spanned<String>,
    vault: Spanned<String>,
    role: String,
    ago: Option<Spanned<String>>,
    vss: Option<bool>,
    delete_after: Option<Spanned<String>>,
    plan: Option<Spanned<String>>,
    rule: Option<Spanned<String>>,
    state: Option<Spanned<State>>,
    category: Option<String>,
    message: Option<Spanned<String>>,
}

/// How a job ended that was not completed. For other jobs the account decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Failed,
    Expired,
    Aborted,
}

/// An association whose form is right, and the time when it was created.
pub(super) struct ReadAssociation<'a> {
    at: i64,
    row: &'a Association,
}

/// A job whose form is right.
pub(super) struct ReadJob<'a> {
    created: i64,
    days: Option<u32>,
    row: &'a Job,
}

impl ReadAssociation<'_> {
    pub(super) fn at(&self) -> i64 {
        self.at
    }
}

impl Reader<'_> {
    pub(super) fn association<'a>(&mut self, row: &'a Association) -> ReadAssociation<'a> {
        match (&row.tag, row.instances.is_empty()) {
            (Some(tag), true) if !tag.get_ref().contains('=') => {
                let shown = tag.get_ref().escape_debug();
                self.problem(tag.span().start, format!("`{shown}` is no tag such as `VssBackup=enabled`"));
            }
            (Some(_), true) | (None, false) => {}
            (Some(_), false) | (None, true) => {
                self.problem(row.name.span().start, "an association has either `instances` or a `tag`");
            }
        }
        ReadAssociation { at: self.now - self.ago(row.ago.as_ref()).unwrap_or_default(), row }
    }

    pub(super) fn job<'a>(&mut self, row: &'a Job) -> ReadJob<'a> {
        let days = row.delete_after.as_ref().and_then(|text| match duration::days::parse(text.get_ref()) {
            Ok(days) => Some(days),
            Err(error) => {
                self.problem(text.span().start, format!("{error}: {}", error.help()));
                None
            }
        });
        if let (Some(message), None) = (&row.message, &row.state) {
            self.problem(message.span().start, "`message` is for a job with a `state`; others get AWS's own");
        }
        if let (Some(rule), None) = (&row.rule, &row.plan) {
            self.problem(rule.span().start, "`rule` is one of a `plan`, and there is none");
        }
        ReadJob { created: self.now - self.ago(row.ago.as_ref()).unwrap_or(DAY), days, row }
    }
}

impl Loader<'_, '_> {
    /// Creates an association at its time in the past. Its schedule runs once the whole file is loaded.
    pub(super) fn associate(&mut self, association: &ReadAssociation<'_>) -> Result<(), (usize, String)> {
        let row = association.row;
        let place = row.name.span().start;
        let target = if let Some(tag) = &row.tag {
            let (key, value) = tag.get_ref().split_once('=').unwrap_or_default();
            json!({ "Key": format!("tag:{key}"), "Values": [value] })
        } else {
            let ids: Result<Vec<String>, _> = row.instances.iter().map(|name| self.id_of(name)).collect();
            json!({ "Key": "InstanceIds", "Values": ids? })
        };
        let listed = |value: &Value| if value.is_array() { value.clone() } else { json!([value]) };
        let parameters: Map<String, Value> =
            row.parameters.iter().map(|(name, value)| (name.clone(), listed(value))).collect();
        let mut input = json!({
            "AssociationName": row.name.get_ref(),
            "Name": row.document.as_deref().unwrap_or("AWS-ConfigureAWSPackage"),
            "Parameters": parameters,
            "Targets": [target],
        });
        if let Some(schedule) = &row.schedule {
            input["ScheduleExpression"] = json!(schedule);
        }
        let now = std::mem::replace(&mut self.context.now, association.at);
        let made = dispatch(self.context, "ssm", "CreateAssociation", &input);
        self.context.now = now;
        let refused = made.err().map(|error| format!("it cannot be made: {}: {}", error.code, error.message));
        refused.map_or(Ok(()), |message| Err((place, message)))
    }

    /// Creates a job, which is decided once the whole file is loaded; returns its id.
    pub(super) fn start(&mut self, job: &ReadJob<'_>) -> Result<String, (usize, String)> {
        let row = job.row;
        let instance = self.id_of(&row.instance)?;
        let (vault, place) = (row.vault.get_ref(), row.vault.span().start);
        let region = self.context.region_mut();
        if !region.backup.vaults.contains_key(vault) {
            return Err((place, format!("there is no vault `{}`: a `[[call]]` can make it", vault.escape_debug())));
        }
        let origin = row.plan.as_ref().map(|plan| self.origin(plan, row.rule.as_ref())).transpose()?;
        let role = if row.role.starts_with("arn:") {
            row.role.clone()
        } else {
            let known = self.context.account.iam.role(&row.role).map(|role| role.arn.clone());
            let (partition, account) = (self.context.partition, self.context.account_id);
            known.unwrap_or_else(|| format!("arn:{partition}:iam::{account}:role/{}", row.role))
        };
        let past = Past { instance, vault: vault.clone(), role, created: job.created, days: job.days, origin };
        let vss = row.vss.unwrap_or(true);
        let twice = || (row.instance.span().start, "there are two jobs of this instance at that time".to_owned());
        past.add(self.context, vss).ok_or_else(twice)
    }

    /// Gives a decided job the end that its row says.
    pub(super) fn end(&mut self, job: &ReadJob<'_>, id: &str) -> Result<(), (usize, String)> {
        let Some(state) = &job.row.state else { return Ok(()) };
        let (name, category) = match state.get_ref() {
            State::Failed => ("FAILED", "VSSError"),
            State::Expired => ("EXPIRED", "JobExpired"),
            State::Aborted => ("ABORTED", "ABORTED"),
        };
        let ended = Ended {
            state: name,
            category: job.row.category.as_deref().unwrap_or(category),
            message: job.row.message.as_ref().map_or("", |message| message.get_ref()),
        };
        let running = || (state.span().start, "the job is not over yet: give it an earlier `ago`".to_owned());
        ended.replace(self.context, id).then_some(()).ok_or_else(running)
    }

    /// Lets the schedules of associations run until now.
    pub(super) fn catch_up(&mut self) {
        ssm::catch_up(self.context);
    }

    fn id_of(&mut self, name: &Spanned<String>) -> Result<String, (usize, String)> {
        let found = self.context.region_mut().fleet.named(name.get_ref()).map(|instance| instance.id.clone());
        found.ok_or_else(|| {
            (name.span().start, format!("there is no instance `{}` in the region", name.get_ref().escape_debug()))
        })
    }

    /// Finds the rule that made a job by the names of its plan and its own; without the latter it is the plan's first
    /// rule.
    fn origin(&mut self, plan: &Spanned<String>, rule: Option<&Spanned<String>>) -> Result<Origin, (usize, String)> {
        let plans = &self.context.region_mut().backup.plans;
        let mut living = plans.values().filter(|one| one.deleted.is_none());
        let found = living.find(|one| one.current().document["BackupPlanName"] == json!(plan.get_ref()));
        let missing = |place: &Spanned<String>, what: &str| {
            (place.span().start, format!("there is no {what} `{}`", place.get_ref().escape_debug()))
        };
        let found = found.ok_or_else(|| missing(plan, "plan"))?;
        let rules = found.current().rules();
        let mut rules = rules.iter().filter(|one| rule.is_none_or(|rule| one["RuleName"] == json!(rule.get_ref())));
        let chosen = rules.next().ok_or_else(|| missing(rule.unwrap_or(plan), "rule"))?;
        let id = chosen["RuleId"].as_str().unwrap_or_default().to_owned();
        Ok(Origin { plan: found.id.clone(), version: found.current().id.clone(), rule: id })
    }
}
