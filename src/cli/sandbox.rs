//! `vssctl sandbox serve`, `vssctl sandbox reset` and `vssctl sandbox operations`.

use super::arguments::{Global, SandboxArguments, SandboxCommand, ServeArguments};
use super::exit::{CliError, Exit};
use super::interrupt::Interrupts;
use super::ui::Ui;
use super::{file, session};
use crate::render::escaped;

/// Serves, resets or describes the simulated account.
pub(super) async fn run(arguments: &SandboxArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let path = file::sandbox(global.sandbox.as_deref().unwrap_or_default());
    match &arguments.command {
        SandboxCommand::Serve(arguments) => serve(arguments, &path, ui).await,
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
        .serve(listener, interrupts.next())
        .await
        .map_err(|error| CliError::failed("the server stopped").because(error))?;
    Ok(Exit::Done)
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
