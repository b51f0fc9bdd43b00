//! `vssctl sandbox serve`, `load`, `advance`, `dump`, `reset` and `operations`.

use super::arguments::{
    AdvanceArguments, DumpArguments, Global, LoadArguments, SandboxArguments, SandboxCommand, ServeArguments,
};
use super::exit::{CliError, Exit};
use super::interrupt::Interrupts;
use super::ui::Ui;
use super::{file, session};
use crate::model::safe::escaped;

/// Serves, fills, ages, prints, resets or describes the simulated account.
pub(super) async fn run(arguments: &SandboxArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let path = file::sandbox(global.sandbox.as_deref().unwrap_or_default());
    match &arguments.command {
        SandboxCommand::Serve(arguments) => serve(arguments, &path, ui).await,
        SandboxCommand::Load(arguments) => load(arguments, &path, ui),
        SandboxCommand::Advance(arguments) => advance(arguments, &path, ui),
        SandboxCommand::Dump(arguments) => dump(arguments, &path, ui),
        SandboxCommand::Reset => reset(&path, ui),
        SandboxCommand::Operations => {
            operations(ui);
            Ok(Exit::Done)
        }
    }
}

/// Serves the account until Ctrl-C.
async fn serve(arguments: &ServeArguments, path: &std::path::Path, ui: &Ui) -> Result<Exit, CliError> {
    let listen = arguments.listen;
    if !listen.ip().is_loopback() {
        return Err(CliError::refused(format!("`{listen}` can be reached from other machines"))
            .hint("the sandbox checks no passwords: give a loopback address such as `127.0.0.1:4599`"));
    }
    let sandbox = session::open_sandbox(path)?;
    for rate in &arguments.rate {
        sandbox.limit(rate.clone());
    }
    sandbox.delay(arguments.latency.unwrap_or_default());
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        CliError::failed(format!("could not listen on `{listen}`")).because(error).hint("port 0 takes a free one")
    })?;
    let address = listener.local_addr().map_err(|error| CliError::failed("could not tell the port").because(error))?;
    let mut interrupts =
        Interrupts::listen().map_err(|error| CliError::failed("could not listen for Ctrl-C").because(error))?;
    ui.answer(&format!(
        "Serving the simulated account of {} on http://{address}\n\n\
         export AWS_ENDPOINT_URL=http://{address} AWS_REGION=ap-northeast-1\n\
         export AWS_ACCESS_KEY_ID=123456789012 AWS_SECRET_ACCESS_KEY=sandbox\n\
         aws iam list-roles\n\n\
         A twelve-digit access key id names the account; Ctrl-C ends it.\n",
        escaped(&path.display().to_string())
    ));
    sandbox
        .clone()
        .serve(listener, interrupts.next())
        .await
        .map_err(|error| CliError::failed("the server stopped").because(error))?;
    ui.note(&format!("{} requests, {} refused as too many.", sandbox.answered(), sandbox.refused()));
    Ok(Exit::Done)
}

/// Makes the fleet of a scenario file.
fn load(arguments: &LoadArguments, path: &std::path::Path, ui: &Ui) -> Result<Exit, CliError> {
    let shown = arguments.scenario.display();
    let unreadable = |error: std::io::Error| CliError::invalid(format!("could not read `{shown}`")).because(error);
    // Opening a pipe would wait for ever.
    if !std::fs::metadata(&arguments.scenario).map_err(unreadable)?.is_file() {
        return Err(CliError::invalid(format!("`{shown}` is no file")));
    }
    let bytes = std::fs::read(&arguments.scenario).map_err(unreadable)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| CliError::invalid(format!("`{shown}` is not UTF-8 text")).because(error))?;
    let sandbox = session::open_sandbox(path)?;
    let loaded = sandbox.load_fleet(&text).map_err(unusable)?;
    let loaded = loaded.map_err(|error| {
        for problem in &error.0 {
            ui.note(&escaped(&format!("{shown}:{problem}")));
        }
        CliError::invalid(format!("`{shown}` is not valid: nothing was loaded"))
            .hint("docs/sandbox-fleets.md says what a scenario file has")
    })?;
    let (instances, jobs) = (plural(loaded.instances, "instance"), plural(loaded.jobs, "backup job"));
    ui.answer(&format!("Loaded {instances} into {}, with {jobs} in the past.\n", escaped(&loaded.region)));
    Ok(Exit::Done)
}

/// Lets time pass.
fn advance(arguments: &AdvanceArguments, path: &std::path::Path, ui: &Ui) -> Result<Exit, CliError> {
    let jobs = session::open_sandbox(path)?.pass(arguments.by).map_err(unusable)?;
    let minutes = u32::try_from(arguments.by.as_secs() / 60).unwrap_or(u32::MAX);
    let by = crate::model::duration::minutes::format(minutes);
    ui.answer(&format!("The sandbox's clock is {by} further. Plans started {}.\n", plural(jobs, "backup job")));
    Ok(Exit::Done)
}

/// Prints the account as it is. Nothing but this program need know the form of the file.
fn dump(arguments: &DumpArguments, path: &std::path::Path, ui: &Ui) -> Result<Exit, CliError> {
    let text = session::open_sandbox(path)?.dump(arguments.account.as_deref()).map_err(unusable)?;
    ui.answer(&(text + "\n"));
    Ok(Exit::Done)
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn unusable(error: crate::sandbox::SandboxError) -> CliError {
    CliError::failed("could not use the sandbox").because(error)
}

/// Throws the account away.
fn reset(path: &std::path::Path, ui: &Ui) -> Result<Exit, CliError> {
    let shown = escaped(&path.display().to_string());
    match is_sandbox(path) {
        Ok(true) => {}
        Ok(false) => {
            return Err(CliError::refused(format!("`{shown}` is no sandbox file: it was left as it is"))
                .hint("name a sandbox file with `--sandbox=FILE`, or delete this one by hand"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(CliError::failed(format!("could not read `{shown}`")).because(error)),
    }
    match std::fs::remove_file(path) {
        Ok(()) => ui.answer(&format!("Removed {shown}\n")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => ui.answer(&format!("There is no {shown}\n")),
        Err(error) => return Err(CliError::failed(format!("could not remove `{shown}`")).because(error)),
    }
    Ok(Exit::Done)
}

/// Looks at the beginning of a file: nobody else's file must be thrown away.
fn is_sandbox(path: &std::path::Path) -> std::io::Result<bool> {
    use std::io::Read as _;
    // Opening a pipe would wait for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(256).read_to_end(&mut start)?;
    Ok(crate::sandbox::is_sandbox_file(&start))
}

fn operations(ui: &Ui) {
    for (service, name) in crate::sandbox::operations() {
        ui.answer(&format!("{service}:{name}\n"));
    }
}
