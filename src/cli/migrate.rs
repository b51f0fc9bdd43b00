//! `vssctl migrate`: from hand-written VSS policies to `AWSEC2VssSnapshotPolicy`. Reads only; writes one local file.

use crate::model::Operation;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::arguments::{Global, MigrateArguments};
use super::exit::{CliError, Exit};
use super::invocation::Invocation;
use super::session::{self, Loaded, Session};
use super::ui::Ui;
use super::{file, init};
use crate::aws::{AwsError, Instance, Reader};
use crate::config;
use crate::model::arn::managed_policy_arn;
use crate::model::safe::escaped;
use crate::model::{Scope, Severity};
use crate::plan::Options;
use crate::plan::Plan;
use crate::policy;
use crate::render::text::Detail;
use crate::vss::gate::POLICY;
use crate::vss::migrate::{LeftAlone, Migration, Role, file, left_alone, migration};
use crate::vss::version::System;

/// Finds roles with an older policy, says what changes, writes the file and shows its plan.
pub(super) async fn run(arguments: &MigrateArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let scope = scope(arguments, global, ui)?;
    let mut session = Session::open_for(load(&stack(&scope), arguments)?, global, ui).await?;
    ui.status("reading roles and instances");
    let (all, left) = migrations(&session.engine.clients.reader(), &scope).await?;
    ui.clear_status();
    let (held, found): (Vec<Migration>, Vec<Migration>) = all.into_iter().partition(|one| one.role.stays().is_some());
    let held = format!("{}{}", kept(&held), alone(&left));
    if found.is_empty() && !held.is_empty() {
        ui.answer(&format!("{held}There is nothing else to migrate.\n"));
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        ui.answer("No role of instances has a hand-written VSS policy: there is nothing to migrate.\n");
        return Ok(Exit::Done);
    }
    let text = file(&found, &scope);
    session.turn_to(load(&text, arguments)?);
    let (plan, _) = session.plan(&Options::default()).await?;
    let named = arguments.out.as_deref().map_or_else(|| global.file.as_deref(), Some).map(Path::as_os_str);
    let line = format!("vssctl{} apply", Invocation::with_file(global, named).options());
    let told = format!("{}{held}\n{}{}", told(&found), session.render(&plan, &line, Detail::Brief), staged(&plan));
    if let Some(path) = &arguments.out {
        init::write(path, &text)?;
        ui.answer(&told);
        let shown = escaped(&path.display().to_string());
        ui.note(&format!("Wrote {shown}: read it, then `{line}`."));
    } else {
        // The file is the answer, so that it can be redirected.
        ui.aside(&told);
        ui.answer(&text);
    }
    Ok(session::verdict(&plan))
}

/// Finds stack, account and region: in the arguments, else in the file that is there.
fn scope(arguments: &MigrateArguments, global: &Global, ui: &Ui) -> Result<Scope, CliError> {
    let there = file::find(global).ok().and_then(|path| config::load(&path).config).map(|config| config.scope);
    let or = |given: &Option<String>, known: Option<&String>| given.clone().or_else(|| known.cloned());
    let account_id = or(&arguments.account_id, there.as_ref().map(|scope| &scope.account_id));
    let region = or(&arguments.region, there.as_ref().map(|scope| &scope.region));
    let (Some(account_id), Some(region)) = (account_id, region) else {
        return Err(CliError::invalid("it is not known for which account and region this is")
            .hint("name them: `vssctl migrate --account-id 123456789012 --region ap-northeast-1`"));
    };
    let known = there.as_ref().map(|scope| scope.stack.clone());
    let stack = arguments.stack.clone().or(known).unwrap_or_else(|| "windows-backup".to_owned());
    init::check(&stack, &account_id, &region, ui)?;
    Ok(Scope { stack, account_id, region, iam_path: "/".to_owned() })
}

fn stack(scope: &Scope) -> String {
    format!(
        "[stack]\nname = \"{}\"\naccount_id = \"{}\"\nregion = \"{}\"\n",
        scope.stack, scope.account_id, scope.region
    )
}

fn load(text: &str, arguments: &MigrateArguments) -> Result<Loaded, CliError> {
    let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(file::NAME));
    let config::Loaded { config, diagnostics, sources } = config::load_text(&path.display().to_string(), text, None);
    let problems: Vec<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.message.clone())
        .collect();
    match config {
        Some(config) => Ok(Loaded { path, config, sources, problems: diagnostics }),
        None => Err(CliError::failed(format!("what is live can't be declared: {}", problems.join("; ")))
            .hint("write the entry by hand; `vssctl explain` lists the limits")),
    }
}

/// Reads the account's roles with what they need to be judged.
async fn migrations(reader: &Reader, scope: &Scope) -> Result<(Vec<Migration>, Vec<LeftAlone>), CliError> {
    let authorization = reader.account_authorization_details().await?;
    let document = |text: &str| policy::url_decode(text).ok().and_then(|text| policy::parse(&text).ok());
    let own: BTreeMap<String, Value> = authorization
        .policies
        .iter()
        .filter_map(|policy| {
            let version = policy.policy_version_list().iter().find(|version| version.is_default_version())?;
            Some((policy.arn()?.to_owned(), document(version.document()?)?))
        })
        .collect();
    // Who has a role decides: one that no Windows instance has, or another instance too, keeps what it may do.
    let instances = reader.instances().await.map_err(allow)?;
    // Of what can't be read of the systems nothing is said.
    let agents = reader.instance_information().await.unwrap_or_default();
    let systems: BTreeMap<&str, System> =
        agents.iter().filter_map(|agent| Some((agent.instance_id()?, System::of(agent.platform_name()?)?))).collect();
    let roles = authorization.roles.iter().map(|role| {
        let profiles: Vec<(String, String)> = role
            .instance_profile_list()
            .iter()
            .map(|profile| (profile.instance_profile_name().to_owned(), profile.path().to_owned()))
            .collect();
        let uses = |arn: &str| profiles.iter().any(|(name, _)| arn.rsplit('/').next() == Some(name));
        let (instances, others): (Vec<&Instance>, Vec<&Instance>) = instances
            .iter()
            .filter(|one| !matches!(one.state.as_str(), "terminated" | "shutting-down"))
            .filter(|one| one.profile.as_deref().is_some_and(uses))
            .partition(|one| one.windows);
        let title =
            |one: &Instance| one.tags.get("Name").map_or_else(|| one.id.clone(), |name| format!("{name} ({})", one.id));
        let held = instances.iter().filter_map(|one| {
            let rule = systems.get(one.id.as_str())?.rule()?;
            Some((title(one), rule))
        });
        let inline = role
            .role_policy_list()
            .iter()
            .filter_map(|policy| Some((policy.policy_name()?.to_owned(), document(policy.policy_document()?)?)));
        Role {
            name: role.role_name().unwrap_or_default().to_owned(),
            path: role.path().unwrap_or("/").to_owned(),
            trust: role.assume_role_policy_document().and_then(document).unwrap_or_default(),
            managed: role
                .attached_managed_policies()
                .iter()
                .filter_map(|policy| policy.policy_arn().map(str::to_owned))
                .collect(),
            inline: inline.collect(),
            profiles: profiles.clone(),
            held: held.collect(),
            instances: instances.iter().map(|one| one.id.clone()).collect(),
            others: others.into_iter().map(title).collect(),
        }
    });
    let roles: Vec<Role> = roles.collect();
    let left = roles.iter().filter_map(|role| left_alone(role, &own, scope)).collect();
    if !roles.iter().any(|role| migration(role, &own, None, scope).is_some()) {
        return Ok((Vec::new(), left));
    }
    let new = reader.policy_document(&managed_policy_arn(scope, POLICY)).await.map_err(allow)?;
    let new = document(&new).ok_or_else(|| CliError::failed(format!("`{POLICY}` could not be read as a policy")))?;
    Ok((roles.iter().filter_map(|role| migration(role, &own, Some(&new), scope)).collect(), left))
}

fn allow(error: AwsError) -> CliError {
    let action = format!("{}:{}", error.service, error.operation);
    CliError::from(error).hint(format!("allow `{action}` to the credentials in use"))
}

/// Says in which order the plan makes the changes that matter here. A plan without such changes says nothing.
fn staged(plan: &Plan) -> String {
    let mut stages: Vec<String> = Vec::new();
    for step in &plan.steps {
        for call in &step.calls {
            let text = |name: &str| escaped(call.input[name].as_str().unwrap_or_default());
            let of = &step.address;
            let stage = match call.operation {
                Operation::SendCommand => {
                    let values = call.input["Targets"].as_array().into_iter().flatten();
                    let values = values.flat_map(|target| target["Values"].as_array().into_iter().flatten());
                    let ids: Vec<String> = values.filter_map(Value::as_str).map(escaped).collect();
                    format!("{of} on {}", ids.join(", "))
                }
                Operation::GetCommandInvocation => format!("wait until {} has it", text("InstanceId")),
                Operation::CreateAssociation => format!("{of} on all of its targets, by its schedule"),
                Operation::AttachRolePolicy => format!("attach {} to {}", text("PolicyArn"), text("RoleName")),
                Operation::DetachRolePolicy => format!("detach {} from {}", text("PolicyArn"), text("RoleName")),
                Operation::DeleteRolePolicy => {
                    format!("delete the inline policy {} of {}", text("PolicyName"), text("RoleName"))
                }
                _ => continue,
            };
            stages.push(stage);
        }
    }
    if stages.is_empty() {
        return String::new();
    }
    let mut text = "\nIn this order:\n".to_owned();
    for (index, stage) in stages.iter().enumerate() {
        let _ = writeln!(text, "  {}. {stage}", index + 1);
    }
    text
}

/// Names the roles that keep their policy, each with its reason.
fn kept(held: &[Migration]) -> String {
    let said = held.iter().filter_map(|one| {
        Some(format!(
            "Role {} keeps its hand-written policy: {}.\n",
            escaped(&one.role.name),
            escaped(&one.role.stays()?)
        ))
    });
    said.collect()
}

/// Names the roles that may take snapshots and are left alone, each with its reasons and the way out.
fn alone(left: &[LeftAlone]) -> String {
    let mut text = String::new();
    for LeftAlone { role, reasons, is_shared: _ } in left {
        let reasons: Vec<String> = reasons.iter().map(|reason| escaped(reason)).collect();
        let _ = writeln!(
            text,
            "Role {} may take snapshots and keeps what allows it: {}.",
            escaped(role),
            reasons.join("; ")
        );
    }
    if left.iter().any(|one| one.is_shared) {
        let _ = writeln!(
            text,
            "Only a role that Windows instances have, and no others, is migrated: give the Windows servers one of \
             their own, and run `vssctl migrate` again."
        );
    }
    if left.iter().any(|one| !one.is_shared) {
        let _ = writeln!(
            text,
            "To migrate such a role, move what is for VSS into an inline policy of its own without other actions and \
             conditions, and run `vssctl migrate` again; or attach {POLICY} beside it."
        );
    }
    text
}

/// Says what changes at each role.
fn told(found: &[Migration]) -> String {
    let mut text = String::new();
    for Migration { role, inline, managed, gains, loses } in found {
        let count = match role.instances.len() {
            1 => "1 Windows instance".to_owned(),
            number => format!("{number} Windows instances"),
        };
        let _ = writeln!(text, "Role {} ({count}) has a hand-written VSS policy", escaped(&role.name));
        for name in inline {
            let _ = writeln!(text, "  - inline policy {}", escaped(name));
        }
        for arn in managed {
            let _ = writeln!(text, "  - {} (detached, not deleted)", escaped(arn));
        }
        let _ = writeln!(text, "  + {POLICY}");
        for (what, changes) in [("no longer", loses), ("newly", gains)] {
            for change in changes {
                let _ = writeln!(text, "    {what} {}", escaped(change));
            }
        }
    }
    text
}
