//! The Run Commands of packages: the newest of each entry, its normal form, and what the records say of forgotten ones.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{Command, CommandStatus, PingStatus};
use futures_util::future::join_all;

use super::carried::PackageCarried;
use super::normal::{parameters_to_json, read_parameters, read_targets};
use super::once::{Memory, Records};
use super::results::{InstanceRun, Stage};
use super::shape::targets_of;
use super::{DOCUMENT, command, results};
use crate::aws::{AwsError, Reader};
use crate::kind::{Carried, Desired, Found, KindLive, Live, Owner};
use crate::kinds::identity::unknown;
use crate::kinds::live_form::{LiveForm, ids};
use crate::model::{Address, Scope};

/// Reads the newest commands of the entries, and the records of what AWS has forgotten.
pub(super) async fn newest_commands(reader: &Reader, entries: &[&Desired]) -> KindLive {
    if entries.is_empty() {
        return KindLive::default();
    }
    let records = match Records::read(reader).await {
        Ok(records) => records,
        Err(error) => {
            let found = entries.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            return KindLive { found, ..KindLive::default() };
        }
    };
    let found =
        entries.iter().map(|entry| async { (entry.address.clone(), newest_command(reader, entry, &records).await) });
    KindLive {
        found: join_all(found).await.into_iter().collect(),
        attempts: entries.iter().map(|entry| (entry.address.clone(), records.next(reader.scope(), entry))).collect(),
        ..KindLive::default()
    }
}

/// Reads the newest command of an entry. One that failed or was cancelled installed no package, and counts as absent.
async fn newest_command(reader: &Reader, entry: &Desired, records: &Records) -> Found {
    let commands = match reader.list_commands(DOCUMENT).await {
        Ok(commands) => commands,
        Err(error) => return unknown(&error),
    };
    let addresses = std::iter::once(&entry.address).chain(&entry.renamed_from);
    let prefixes: Vec<String> =
        addresses.map(|address| command::prefix(reader.scope(), &address.to_string())).collect();
    let newest = commands
        .iter()
        .filter(|command| {
            prefixes.iter().any(|prefix| command.comment().is_some_and(|comment| comment.starts_with(prefix)))
        })
        .max_by_key(|command| {
            (command.requested_date_time().map(aws_smithy_types::DateTime::as_nanos), command.command_id())
        });
    match newest {
        Some(command) if !command.status().is_some_and(is_lost) => {
            Found::Live(Box::new(command_form(reader.scope(), entry, command, Vec::new())))
        }
        Some(command) => match fate(reader, command).await {
            Ok(Fate::Stands { unreached }) => {
                Found::Live(Box::new(command_form(reader.scope(), entry, command, unreached)))
            }
            Ok(Fate::Lost) => Found::Absent,
            Err(error) => unknown(&error),
        },
        None => match records.recall(reader.scope(), entry) {
            Memory::Nothing => Found::Absent,
            Memory::Sent { command } => Found::Live(Box::new(remembered(entry, &command))),
            Memory::Unsettled { seconds } => Found::Unknown {
                action: "ssm:ListCommands".to_owned(),
                message: format!("a run was about to send its command; whether it did will show in {seconds} s"),
            },
        },
    }
}

/// Reads what the newest command of an entry came to, one that failed too.
pub(crate) async fn last_command(reader: &Reader, entry: &Desired) -> Result<Vec<results::InstanceRun>, AwsError> {
    let commands = reader.list_commands(DOCUMENT).await?;
    let prefix = command::prefix(reader.scope(), &entry.address.to_string());
    let own = commands.iter().filter(|command| command.comment().is_some_and(|comment| comment.starts_with(&prefix)));
    let newest = own.max_by_key(|command| {
        (command.requested_date_time().map(aws_smithy_types::DateTime::as_nanos), command.command_id())
    });
    match newest.and_then(|command| command.command_id()) {
        Some(id) => results::of_command(reader, id).await,
        None => Ok(Vec::new()),
    }
}

/// What became of a command that did not succeed everywhere.
enum Fate {
    /// It is to be sent again.
    Lost,
    /// Sending it again would do nothing now.
    Stands {
        /// The instances that it did not reach, in words.
        unreached: Vec<String>,
    },
}

/// Finds out whether it is of any use to send a command again. It is of none where another run was at the same package,
/// nor where nothing failed but the delivery to instances that still do not answer. Without instances nothing ran.
async fn fate(reader: &Reader, command: &Command) -> Result<Fate, AwsError> {
    if !matches!(command.status(), Some(CommandStatus::Failed | CommandStatus::TimedOut)) {
        return Ok(Fate::Lost);
    }
    let runs = results::of_command(reader, command.command_id().unwrap_or_default()).await?;
    let failed: Vec<&InstanceRun> = runs.iter().filter(|run| run.stage != Stage::Succeeded).collect();
    if failed.iter().any(|run| run.stage != Stage::Busy && !is_undelivered(run)) {
        return Ok(Fate::Lost);
    }
    let unreached: Vec<&InstanceRun> = failed.iter().copied().filter(|run| run.stage != Stage::Busy).collect();
    if failed.is_empty() || !unreached.is_empty() && any_answers(reader, &unreached).await? {
        return Ok(Fate::Lost);
    }
    Ok(Fate::Stands { unreached: unreached.into_iter().map(InstanceRun::title).collect() })
}

/// Tells whether an instance never got the command. SSM User Guide, "Understanding command statuses", which writes the
/// words with and without spaces.
fn is_undelivered(run: &InstanceRun) -> bool {
    ["DeliveryTimedOut", "Undeliverable"].contains(&run.status.replace(' ', "").as_str())
}

/// Tells whether one of these instances answers Systems Manager now.
async fn any_answers(reader: &Reader, runs: &[&InstanceRun]) -> Result<bool, AwsError> {
    let known = reader.instance_information().await?;
    let answers = |run: &&&InstanceRun| {
        known
            .iter()
            .any(|one| one.instance_id() == Some(&run.instance) && one.ping_status() == Some(&PingStatus::Online))
    };
    Ok(runs.iter().any(|run| answers(&run)))
}

/// Makes the normal form of a command that AWS has forgotten. Its record stands for exactly the content of the entry.
fn remembered(entry: &Desired, command: &str) -> Live {
    Live {
        name: entry.name.clone(),
        owner: Owner::Ours(Some(entry.address.clone())),
        ids: ids([("CommandId", Some(command))]),
        fields: entry.fields.clone(),
        carried: Carried::new(PackageCarried::default()),
        refers: Vec::new(),
    }
}

/// Reads how the commands that run ahead of the others are numbered next, by package.
pub(crate) async fn first_attempts(
    reader: &Reader,
    packages: &[&Address],
) -> Result<BTreeMap<Address, (u32, Option<u64>)>, AwsError> {
    let records = Records::read(reader).await?;
    let next = |address: &Address| (address.clone(), records.next_first(reader.scope(), address));
    Ok(packages.iter().map(|address| next(address)).collect())
}

fn command_form(scope: &Scope, entry: &Desired, command: &Command, unreached: Vec<String>) -> Live {
    let parameters = parameters_to_json(command.parameters().into_iter().flatten());
    let mut form = LiveForm::default();
    read_parameters(&mut form, &parameters);
    let (wanted, targets) = command::content(entry);
    let addresses = std::iter::once(&entry.address).chain(&entry.renamed_from);
    let mut comments = addresses.map(|address| command::comment(scope, address, &wanted, &targets));
    if comments.any(|comment| command.comment() == Some(&comment)) {
        // It was sent for just this entry, without the instances where there was nothing to do.
        form.value("targets", entry.fields.get("targets").cloned().unwrap_or_default());
    } else if command.targets().is_empty() {
        read_targets(&mut form, [("InstanceIds".to_owned(), command.instance_ids().to_vec())]);
    } else {
        read_targets(&mut form, targets_of(command.targets()));
    }
    let or =
        |text: Option<&str>, default: &str| Some(text.filter(|text| !text.is_empty()).unwrap_or(default).to_owned());
    form.text("max_concurrency", or(command.max_concurrency(), "50")).text("max_errors", or(command.max_errors(), "0"));
    Live {
        name: entry.name.clone(),
        owner: Owner::Ours(Some(entry.address.clone())),
        ids: ids([("CommandId", command.command_id())]),
        fields: form.fields(),
        carried: Carried::new(PackageCarried {
            is_under_way: matches!(
                command.status(),
                Some(CommandStatus::Pending | CommandStatus::InProgress | CommandStatus::Cancelling)
            ),
            unreached,
            ..PackageCarried::default()
        }),
        refers: Vec::new(),
    }
}

/// Tells whether a command failed or was cancelled, so that it installed no package.
pub(super) fn is_lost(status: &CommandStatus) -> bool {
    matches!(
        status,
        CommandStatus::Failed | CommandStatus::Cancelled | CommandStatus::Cancelling | CommandStatus::TimedOut
    )
}
