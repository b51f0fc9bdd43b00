//! `vssctl export`: what is live, as a file to adopt, or for CloudFormation or Terraform. Reads only.

use std::path::{Path, PathBuf};

use super::arguments::{ExportArguments, ExportFormat, Global};
use super::exit::{CliError, Exit};
use super::invocation::{Invocation, shell_word};
use super::names::nearest;
use super::session::{Loaded, Session, connect_options};
use super::spectator::Spectator;
use super::ui::Ui;
use super::{connection, file, init};
use crate::aws::default_region;
use crate::config;
use crate::config::export::{Account, Documents, Written, addresses, file as written};
use crate::engine::whose;
use crate::model::safe::escaped;
use crate::model::{KindId, Scope};
use crate::observe::export::{Asked, ExportError, Name};
use crate::render::export::cloudformation::{self, Template};
use crate::render::export::{Exported, terraform};

/// The account of the simulated world, where none is named.
const SIMULATED: &str = "123456789012";

/// So many of what is left out for one reason are named.
const NAMED: usize = 8;

/// Reads what is asked for, and writes it.
pub(super) async fn run(arguments: &ExportArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let asked = asked(arguments)?;
    let scope = scope(arguments, global, ui).await?;
    let session = Session::open_for(loaded(&scope)?, global, ui).await?;
    let account = session.engine.export(&asked, &Spectator(ui)).await.map_err(refused)?;
    ui.clear_status();
    left_out(&account, ui);
    for unread in &account.unread {
        ui.warn(&escaped(unread));
    }
    if account.resources.is_empty() {
        let error = CliError::invalid("nothing of it can be exported: nothing was written");
        return Err(if account.unread.is_empty() { error } else { CliError::failed("nothing could be read") });
    }
    let is_complete = match arguments.format {
        ExportFormat::Toml => toml(&account, arguments, global, ui)?,
        ExportFormat::Cloudformation => template(&account, arguments, global, ui)?,
        ExportFormat::Terraform => {
            let exported = terraform::configuration(&account, &addresses(&account));
            let files = arguments.out.iter().map(|path| (path.clone(), exported.text.clone()));
            answer(&exported, &files.collect::<Vec<_>>(), arguments, ui)?;
            ui.hint("`terraform plan` beside it shows what it imports, and nothing to change");
            exported.gaps.is_empty()
        }
    };
    let has_gap = !is_complete || account.left_out.iter().any(|one| one.is_gap);
    Ok(match (account.unread.is_empty(), has_gap) {
        (false, _) => Exit::Failed,
        (true, true) => Exit::Findings,
        (true, false) => Exit::Done,
    })
}

/// Reads what is asked for.
fn asked(arguments: &ExportArguments) -> Result<Asked, CliError> {
    if arguments.all {
        return Ok(Asked::All);
    }
    arguments.addresses.iter().map(|text| name(text)).collect::<Result<_, _>>().map(Asked::These)
}

/// Reads a name such as `plan.daily`. AWS's names may hold characters that no address has.
fn name(text: &str) -> Result<Name, CliError> {
    let (kind, name) = text.split_once('.').unwrap_or((text, ""));
    let found = KindId::find(kind).filter(|kind| (*kind == KindId::RegionSettings) == name.is_empty());
    let Some(kind) = found else {
        let kinds: Vec<String> = KindId::ALL.iter().map(|kind| kind.name().to_owned()).collect();
        let error = CliError::invalid(format!("`{}` names nothing that can be exported", escaped(text)));
        return Err(match nearest(kind, &kinds) {
            Some(near) if near != kind => error.hint(format!("did you mean `{near}.{}`?", escaped(name))),
            _ => error.hint("write KIND.NAME with the AWS name or id, such as `plan.daily`, or `region_settings`"),
        });
    };
    Ok(Name { kind, name: name.to_owned() })
}

/// Finds stack, account and region: in the arguments, else in the file that is there, else as the AWS CLI does.
async fn scope(arguments: &ExportArguments, global: &Global, ui: &Ui) -> Result<Scope, CliError> {
    let there = file::find(global).ok().and_then(|path| config::load(&path).config).map(|config| config.scope);
    let or = |given: &Option<String>, known: Option<&String>| given.clone().or_else(|| known.cloned());
    let stack = or(&arguments.stack, there.as_ref().map(|scope| &scope.stack));
    let stack = stack.unwrap_or_else(|| "windows-backup".to_owned());
    let region = match or(&arguments.region, there.as_ref().map(|scope| &scope.region)) {
        Some(region) => region,
        None => default_region(global.profile.as_deref()).await.ok_or_else(|| {
            CliError::invalid("it is not known which region this is")
                .hint("name it with `--region`, or set AWS_REGION or the `region` of the profile")
        })?,
    };
    let mut scope = Scope { stack, account_id: SIMULATED.to_owned(), region, iam_path: "/".to_owned() };
    let known = or(&arguments.account_id, there.as_ref().map(|scope| &scope.account_id));
    init::check(&scope.stack, known.as_ref().unwrap_or(&scope.account_id), &scope.region, ui)?;
    match known {
        Some(account_id) => scope.account_id = account_id,
        None if global.sandbox.is_some() => {}
        None => {
            ui.status("asking AWS whose credentials these are");
            let caller = whose(connect_options(scope.clone(), global)).await;
            scope.account_id = caller.map_err(|error| connection::unopened(error, global.profile.as_deref()))?.account;
        }
    }
    Ok(scope)
}

/// Makes a file that has nothing but the stack, for which a session is opened.
fn loaded(scope: &Scope) -> Result<Loaded, CliError> {
    let text = format!(
        "[stack]\nname = \"{}\"\naccount_id = \"{}\"\nregion = \"{}\"\n",
        scope.stack, scope.account_id, scope.region
    );
    let config::Loaded { config, diagnostics, sources } = config::load_text(file::NAME, &text, None);
    match config {
        Some(config) => Ok(Loaded { path: PathBuf::from(file::NAME), config, sources, problems: diagnostics }),
        None => Err(CliError::invalid("this is no stack, account and region")),
    }
}

/// Says why there is nothing to export.
fn refused(error: ExportError) -> CliError {
    match error {
        ExportError::Unread(error) => {
            let action = error.action();
            CliError::from(error).hint(format!("allow `{action}` to the credentials in use"))
        }
        ExportError::NoSuch(Name { kind, name }, known) => {
            let what = if name.is_empty() { kind.name().to_owned() } else { format!("{kind}.{name}") };
            let error = CliError::invalid(format!("there is no `{}` in the account", escaped(&what)));
            match nearest(&what, &known) {
                Some(near) => error.hint(format!("did you mean `{}`?", escaped(near))),
                None if known.is_empty() => error.hint(format!("there is no {} at all", kind.name().replace('_', " "))),
                None => error.hint(format!("there is {}", named(&known))),
            }
        }
        ExportError::Several(Name { kind, name }, ids) => {
            let what = escaped(&format!("{kind}.{name}"));
            CliError::invalid(format!("`{what}` is the name of several resources"))
                .hint(format!("name one by its id: {}", named(&ids)))
        }
    }
}

fn named(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{}`", escaped(name))).collect();
    if names.len() > NAMED {
        shown.push(format!("and {} more", names.len() - NAMED));
    }
    shown.join(", ")
}

/// Says what is left out, one line for each reason.
fn left_out(account: &Account, ui: &Ui) {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in &account.left_out {
        match reasons.iter_mut().find(|(why, _)| *why == one.why) {
            Some((_, what)) => what.push(&one.what),
            None => reasons.push((&one.why, vec![&one.what])),
        }
    }
    for (why, what) in reasons {
        let more = what.len().saturating_sub(NAMED);
        let mut shown: Vec<String> = what.iter().take(NAMED).map(|what| escaped(what)).collect();
        if more > 0 {
            shown.push(format!("{more} more"));
        }
        ui.note(&format!("left out: {}: {}", shown.join(", "), escaped(why)));
    }
}

/// Writes a file of vssctl's own. Tells whether it has all that was read.
fn toml(account: &Account, arguments: &ExportArguments, global: &Global, ui: &Ui) -> Result<bool, CliError> {
    let documents = if arguments.out.is_some() { Documents::Beside } else { Documents::Inline };
    let Written { text, files, gaps, adopt, entries, .. } = written(account, documents);
    match &arguments.out {
        Some(path) => {
            let mut all = vec![(path.clone(), text)];
            let folder = path.parent().unwrap_or(Path::new(""));
            all.extend(files.into_iter().map(|(name, text)| (folder.join(name), text)));
            put(&all, arguments.force)?;
            let shown: Vec<String> = all.iter().map(|(path, _)| escaped(&path.display().to_string())).collect();
            ui.answer(&format!("Wrote {}\n", shown.join(", ")));
        }
        None => ui.answer(&text),
    }
    for gap in &gaps {
        ui.warn(&format!("`{}`: {}", gap.address, gap.what));
    }
    if account.resources.iter().any(|one| !one.overrides.is_empty()) {
        ui.note("Overrides of restore tests may hold secrets: they are written as they are.");
    }
    ui.note(&format!("{entries} of {} resources stand in the file.", account.resources.len()));
    if !adopt.is_empty() {
        let named = arguments.out.as_deref().filter(|path| *path != Path::new(file::NAME));
        let here = Invocation::with_file(global, named.map(AsRef::as_ref));
        let options = here.options();
        ui.hint(&format!("`vssctl{options} adopt {}` takes them over", adopt.join(" ")));
    }
    Ok(gaps.is_empty())
}

/// Writes a template, and the resources to import beside it.
fn template(account: &Account, arguments: &ExportArguments, global: &Global, ui: &Ui) -> Result<bool, CliError> {
    let Template { exported, imports } = cloudformation::template(account, &addresses(account));
    let beside = arguments.out.as_ref().map(|path| (path, path.with_extension("import.json")));
    let files = beside.iter().flat_map(|(path, import)| {
        [((*path).clone(), exported.text.clone()), (import.clone(), format!("{imports:#}\n"))]
    });
    answer(&exported, &files.collect::<Vec<_>>(), arguments, ui)?;
    match &beside {
        Some((path, import)) => {
            let [path, import] = [path.as_path(), import.as_path()].map(|path| shell_word(&path.to_string_lossy()));
            let profile = global.profile.as_ref().map(|name| format!(" --profile {}", shell_word(name)));
            let scope = &account.scope;
            ui.hint(&escaped(&format!(
                "`aws cloudformation create-change-set --stack-name {} --change-set-name import \
                 --change-set-type IMPORT --capabilities CAPABILITY_NAMED_IAM --template-body file://{path} \
                 --resources-to-import file://{import} --region {}{}` imports it",
                scope.stack,
                scope.region,
                profile.unwrap_or_default()
            )));
        }
        None => ui.hint("`--out FILE` writes beside the template what an import takes"),
    }
    Ok(exported.gaps.is_empty())
}

/// Writes what is for another tool, and says what it does not have.
fn answer(
    exported: &Exported,
    files: &[(PathBuf, String)],
    arguments: &ExportArguments,
    ui: &Ui,
) -> Result<(), CliError> {
    if files.is_empty() {
        ui.answer(&exported.text);
    } else {
        put(files, arguments.force)?;
        let shown: Vec<String> = files.iter().map(|(path, _)| escaped(&path.display().to_string())).collect();
        ui.answer(&format!("Wrote {}\n", shown.join(", ")));
    }
    for gap in &exported.gaps {
        ui.warn(&format!("`{}`: {}", gap.address, gap.what));
    }
    ui.note(&format!("{} resources.", exported.resources));
    Ok(())
}

/// Writes files, and none of them where one is there already and must stay.
fn put(files: &[(PathBuf, String)], is_forced: bool) -> Result<(), CliError> {
    let taken = files.iter().find(|(path, text)| {
        !is_forced && path.symlink_metadata().is_ok() && std::fs::read_to_string(path).ok().as_ref() != Some(text)
    });
    if let Some((path, _)) = taken {
        return Err(CliError::refused(format!(
            "`{}` is there already: nothing was written",
            escaped(&path.display().to_string())
        ))
        .hint("name another file with `--out`, or write over what is there with `--force`"));
    }
    for (path, text) in files {
        let failed = |error: std::io::Error| {
            CliError::failed(format!("could not write `{}`", escaped(&path.display().to_string()))).because(error)
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        std::fs::write(path, text).map_err(failed)?;
    }
    Ok(())
}
