//! `vssctl backup INSTANCE`: an on-demand VSS backup, waited for and verified.

use crate::model::KindId;
use crate::model::Operation;
use std::time::Duration;

use serde_json::json;

use super::arguments::{BackupArguments, Format, Global};
use super::events::{self, Ended};
use super::exit::{CliError, Exit};
use super::file;
use super::interrupt::Interrupts;
use super::invocation::Medium;
use super::names::nearest;
use super::proof;
use super::session::{self, Session};
use super::ui::Ui;
use crate::aws::persist;
use crate::aws::{BackupOrder, Reader};
use crate::config::names::ROLE_NAME;
use crate::kind::Desired;
use crate::model::safe::escaped;
use crate::model::{Scope, hash};
use crate::observe::evidence::Wants;
use crate::observe::{backup as observed, evidence};
use crate::render::report::Reported;
use crate::render::text::paragraph;
use crate::render::{self, envelope};
use crate::sandbox::Sandbox;
use crate::vss::backup::{self, BackupRole, OrderError, Report};
use crate::vss::doctor::{self, diagnose};
use crate::vss::evidence::{Instance, Job, JobState};
use crate::vss::{Moment, verify::Outcome};

/// How often AWS is asked how far the backup is.
const POLL: Duration = Duration::from_secs(15);

/// Starts a backup, waits for its end, and tells whether it is application-consistent.
pub(super) async fn run(arguments: &BackupArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let reader = session.engine.clients.reader();
    let (scope, desired) = (&session.engine.config.scope, &session.engine.config.desired);
    ui.status("looking for the instance");
    let instances = observed::instances(&reader).await?;
    let chosen = backup::instance(&instances, &arguments.instance, &scope.region).map_err(|error| unclear(&error))?;
    let vault = backup::vault(desired, arguments.vault.as_deref()).map_err(|error| unclear(&error))?;
    there_is(&reader, desired, &vault, &scope.region).await?;
    let role = role(&reader, scope, desired, arguments.role.as_deref()).await?;
    let delete_after_days = arguments.delete_after.or_else(|| backup::retention(desired, &vault));
    if chosen.state != "running" {
        ui.warn(&format!("`{}` is {}: VSS needs it running", escaped(&chosen.title()), escaped(&chosen.state)));
    }
    let order = BackupOrder {
        resource: scope.arn("ec2", &format!("instance/{}", chosen.id)),
        token: token(&scope.stack, &chosen.id),
        vault,
        role,
        delete_after_days,
    };
    let id = start(&session, &order).await?;
    ui.clear_status();
    let kept = order.delete_after_days.map_or_else(|| "for ever".to_owned(), |days| format!("for {days} days"));
    let (title, vault) = (escaped(&chosen.title()), escaped(&order.vault));
    let mut begun = String::new();
    paragraph(&mut begun, &format!("Backing up {title} into vault {vault}, to be kept {kept}."), 0, ui.width());
    ui.aside(&begun);
    // The id stands on a line of its own, where people and scripts find it.
    ui.note(&format!("Job {}", escaped(&id)));
    if arguments.json {
        events::event(ui, json!({ "type": "started", "instance": chosen.id, "job": id }))?;
    }
    if arguments.no_wait {
        later(ui, &id);
        return ended(&session, arguments, Exit::Done, None);
    }
    let Some(job) = wait(&session, global, arguments, &id).await? else {
        ui.note("No longer waiting. The backup goes on.");
        later(ui, &id);
        return ended(&session, arguments, Exit::Interrupted, None);
    };
    let report = Box::pin(report(&session, chosen, &job)).await;
    let exit = match report.proof.outcome {
        Outcome::Consistent => Exit::Done,
        Outcome::CrashOnly | Outcome::NotAsked | Outcome::NotTagged { .. } => Exit::Findings,
        Outcome::Claimed | Outcome::Gone { .. } | Outcome::Unreadable { .. } | Outcome::Failed | Outcome::Unended => {
            Exit::Failed
        }
    };
    ended(&session, arguments, exit, Some(report))
}

/// Prints what came of it, and says how the run ends.
fn ended(
    session: &Session<'_>,
    arguments: &BackupArguments,
    exit: Exit,
    report: Option<Report>,
) -> Result<Exit, CliError> {
    let (ui, scope) = (session.ui, &session.engine.config.scope);
    if arguments.json {
        let report = report.map(|report| Reported::Backup(Box::new(report)));
        let (command, diagnostics) = ("backup", &session.problems);
        Ended { command, scope: Some(scope), exit, report, error: None, diagnostics }.report(ui)?;
        return Ok(exit);
    }
    match (report, arguments.format) {
        (None, _) => {}
        (Some(report), Format::Text) => ui.tell(&render::backup::text(&report, ui.width())),
        (Some(report), Format::Json) => {
            let answer = envelope::backup(report, scope).with(&session.problems);
            ui.answer(&ui.worded(&proof::written(&answer)?, Medium::Json));
        }
    }
    Ok(exit)
}

fn unclear(error: &OrderError) -> CliError {
    let hint = error.hint();
    CliError::invalid(error.to_string()).hint(hint)
}

/// Checks that the vault exists. Where the list cannot be read, AWS's answer to the backup will tell.
async fn there_is(reader: &Reader, desired: &[Desired], vault: &str, region: &str) -> Result<(), CliError> {
    let Ok(vaults) = reader.list_backup_vaults().await else { return Ok(()) };
    let names: Vec<String> = vaults.iter().filter_map(|known| known.backup_vault_name().map(str::to_owned)).collect();
    if names.iter().any(|name| name == vault) {
        return Ok(());
    }
    let error = CliError::invalid(format!("there is no vault `{vault}` in {region}"));
    if desired.iter().any(|entry| entry.address.kind() == KindId::Vault && entry.name == vault) {
        return Err(error.hint("the file has it: `vssctl apply` makes it"));
    }
    Err(match nearest(vault, &names) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`--vault` takes the name of a backup vault"),
    })
}

/// Finds the ARN of the backup role: IAM knows the path of one that the file does not have.
async fn role(reader: &Reader, scope: &Scope, desired: &[Desired], named: Option<&str>) -> Result<String, CliError> {
    let name = match backup::role(scope, desired, named).map_err(|error| unclear(&error))? {
        BackupRole::Arn(arn) => return Ok(arn),
        BackupRole::Name(name) => name,
    };
    let shown = escaped(&name);
    let none = || CliError::invalid(format!("there is no role `{shown}` in account {}", scope.account_id));
    if !ROLE_NAME.fits(&name) {
        let last = name.rsplit('/').next().unwrap_or_default();
        return Err(
            none().hint(format!("`--role` takes a name without its path, such as `{}`, or an ARN", escaped(last)))
        );
    }
    match reader.role(&name).await {
        Ok(role) => Ok(role.arn().to_owned()),
        Err(error) if error.is_not_found() => {
            let known: Vec<String> = desired
                .iter()
                .filter(|entry| entry.address.kind() == KindId::Role)
                .map(|entry| entry.name.clone())
                .collect();
            Err(match nearest(&name, &known) {
                Some(near) => none().hint(format!("did you mean `{near}`?")),
                None => none().hint("`--role` takes the name of a role that trusts backup.amazonaws.com, or its ARN"),
            })
        }
        Err(error) => Err(CliError::from(error).hint("or give the role's ARN: nobody is asked for its path then")),
    }
}

/// Makes a token for this run. With it a request that is sent again, because its answer was lost, starts no second
/// backup.
fn token(stack: &str, instance: &str) -> String {
    let moment = jiff::Timestamp::now().as_nanosecond();
    let text = format!("{stack}/{instance}/{}/{moment}", std::process::id());
    format!("vssctl-{}", &hash::sha256_hex(text.as_bytes())[..32])
}

/// Starts the job.
async fn start(session: &Session<'_>, order: &BackupOrder) -> Result<String, CliError> {
    session.ui.status("starting the backup");
    let writer = session.engine.clients.writer();
    let pace = Duration::from_millis(if session.sandbox { 20 } else { 500 });
    let started = persist(pace, Operation::StartBackupJob, || writer.start_backup_job(order)).await;
    session.ui.clear_status();
    Ok(started?)
}

/// Says how to look later.
fn later(ui: &Ui, id: &str) {
    ui.hint(&format!("`aws backup describe-backup-job --backup-job-id {}` shows how it ends", escaped(id)));
}

/// Waits for the end of a job; `None` when Ctrl-C ended the waiting.
async fn wait(
    session: &Session<'_>,
    global: &Global,
    arguments: &BackupArguments,
    id: &str,
) -> Result<Option<Job>, CliError> {
    let mut interrupts =
        Interrupts::listen().map_err(|error| CliError::failed("could not listen for Ctrl-C").because(error))?;
    // In the simulated account nobody has to wait: its clock is moved instead.
    let simulated = match &global.sandbox {
        Some(named) => Some(session::open_sandbox(&file::sandbox(named))?),
        None => None,
    };
    let reader = session.engine.clients.reader();
    let mut shown = String::new();
    loop {
        let (job, percent) = observed::job(&reader, id).await?;
        let state = String::from(job.state.clone());
        match job.state {
            JobState::Completed | JobState::Failed | JobState::Aborted | JobState::Expired | JobState::Partial => {
                session.ui.clear_status();
                return Ok(Some(job));
            }
            JobState::Waiting | JobState::Running | JobState::Aborting | JobState::Other(_) => {}
        }
        if state != shown {
            session.ui.note(&words(&job.state));
            if arguments.json {
                events::event(session.ui, json!({ "type": "state", "job": id, "state": state }))?;
            }
            shown = state;
        }
        let percent = percent.map(|percent| format!(" ({}%)", escaped(&percent))).unwrap_or_default();
        session.ui.status(&format!("{}{percent}", words(&job.state)));
        tokio::select! {
            () = interrupts.next() => {
                session.ui.clear_status();
                return Ok(None);
            }
            passed = pass(simulated.as_ref()) => passed?,
        }
    }
}

fn words(state: &JobState) -> String {
    match state {
        JobState::Waiting => "The job waits for its start.".to_owned(),
        JobState::Running => "The job runs.".to_owned(),
        JobState::Aborting => "Somebody stopped the job.".to_owned(),
        JobState::Other(other) => format!("The job is in the state {}.", escaped(other)),
        JobState::Completed | JobState::Failed | JobState::Aborted | JobState::Expired | JobState::Partial => {
            "The job has ended.".to_owned()
        }
    }
}

/// Lets some time pass.
async fn pass(simulated: Option<&Sandbox>) -> Result<(), CliError> {
    match simulated {
        Some(sandbox) => {
            sandbox.pass(POLL).map_err(|error| CliError::failed("could not use the sandbox").because(error))?;
            // This gives Ctrl-C a chance.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        None => tokio::time::sleep(POLL).await,
    }
    Ok(())
}

/// Looks for AWS's own evidence, and, where there is none, for the cause.
async fn report(session: &Session<'_>, instance: &Instance, job: &Job) -> Report {
    session.ui.status("reading the image and its snapshots");
    // A new reader has read nothing yet. What was read before the backup does not count.
    let reader = session.engine.clients.reader();
    let (proof, image) = observed::proof(&reader, job).await;
    let mut report = Report {
        id: instance.id.clone(),
        title: instance.title(),
        proof,
        image,
        causes: Vec::new(),
        lines: Vec::new(),
    };
    if !report.is_consistent() {
        session.ui.status("looking for the cause");
        let now = Moment::from_seconds(jiff::Timestamp::now().as_second());
        let evidence = evidence::gather(&reader, now, Wants { causes: true, ..Wants::default() }).await;
        let file = doctor::File::of(&session.engine.config.desired);
        let options = doctor::Options { only: [instance.id.clone()].into(), file };
        let diagnosis = diagnose(&evidence, &options);
        let meaning = backup::meaning(&report.proof);
        let system = evidence.system(&instance.id);
        report.causes = backup::causes(Some(&diagnosis), meaning, &instance.id, system.as_ref());
        report.lines = backup::lines(&report.causes, &session.engine.config.desired, instance, system.as_ref());
    }
    session.ui.clear_status();
    report
}
