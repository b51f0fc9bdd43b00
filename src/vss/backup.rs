//! An on-demand backup: which instance, vault and role are meant, what came of it, and which line of the file makes it better.

use crate::model::KindId;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::doctor::{Diagnosis, Severity, Subject};
use super::evidence::Instance;
use super::messages::{self, Meaning};
use super::verify::{Cause, ImageProof, Outcome, Proof};
use crate::kind::Desired;
use crate::kind::value::text;
use crate::model::{Location, Scope};

/// Why a backup cannot even be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No instance has the id or name.
    #[error("there is no instance `{wanted}` in {region}")]
    NoInstance {
        /// The id or name.
        wanted: String,
        /// The region that was looked in.
        region: String,
        /// A name that is like it.
        near: Option<String>,
    },
    /// Several instances have the name.
    #[error("{} instances are called `{wanted}`: {}", ids.len(), ids.join(", "))]
    SeveralInstances {
        /// The name.
        wanted: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// VSS is Windows's.
    #[error("`{title}` does not run Windows, and VSS is Windows's")]
    NotWindows {
        /// The instance.
        title: String,
    },
    /// The file does not say which vault or role.
    #[error("the file does not say which {what} an on-demand backup takes{}", among(candidates))]
    Unclear {
        /// `vault` or `role`.
        what: &'static str,
        /// What the file has.
        candidates: Vec<String>,
    },
}

fn among(candidates: &[String]) -> String {
    if candidates.is_empty() { String::new() } else { format!(": it has {}", candidates.join(", ")) }
}

impl OrderError {
    /// Returns the way out.
    pub fn hint(&self) -> String {
        match self {
            Self::NoInstance { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::NoInstance { .. } => "give an instance id or the value of a `Name` tag".to_owned(),
            Self::SeveralInstances { .. } => "give the id of the one that is meant".to_owned(),
            Self::NotWindows { .. } => "AWS Backup takes a regular backup of it with any plan".to_owned(),
            Self::Unclear { what, .. } => format!("name it with `--{what}`"),
        }
    }
}

/// Finds the instance with an id or the tag `Name`.
///
/// # Errors
/// When there is none, when several have the name, and when it does not run Windows.
pub fn instance<'a>(instances: &'a [Instance], wanted: &str, region: &str) -> Result<&'a Instance, OrderError> {
    let living = || instances.iter().filter(|one| !matches!(one.state.as_str(), "terminated" | "shutting-down"));
    let found: Vec<&Instance> = living().filter(|one| one.id == wanted || one.name == wanted).collect();
    let found = match found[..] {
        [one] => one,
        [] => {
            let likeness = |one: &Instance| strsim::jaro_winkler(&one.name.to_lowercase(), &wanted.to_lowercase());
            let near = living().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
            let near = near.filter(|one| likeness(one) > 0.85).map(|one| one.name.clone());
            return Err(OrderError::NoInstance { wanted: wanted.to_owned(), region: region.to_owned(), near });
        }
        _ => {
            let ids = found.iter().map(|one| one.id.clone()).collect();
            return Err(OrderError::SeveralInstances { wanted: wanted.to_owned(), ids });
        }
    };
    if found.windows { Ok(found) } else { Err(OrderError::NotWindows { title: found.title() }) }
}

fn entries(desired: &[Desired], kind: KindId) -> impl Iterator<Item = &Desired> {
    desired.iter().filter(move |entry| entry.address.kind() == kind)
}

fn rules(desired: &[Desired]) -> impl Iterator<Item = &Value> {
    entries(desired, KindId::Plan)
        .filter_map(|plan| plan.fields.get("rule")?.as_object())
        .flat_map(|rules| rules.values())
}

/// Chooses the vault: the one that was named, else the only one that the file's rules or the file have.
///
/// # Errors
/// When there are none or several.
pub fn vault(desired: &[Desired], named: Option<&str>) -> Result<String, OrderError> {
    if let Some(named) = named {
        let entry = entries(desired, KindId::Vault).find(|entry| entry.address.to_string() == format!("vault.{named}"));
        return Ok(entry.map_or_else(|| named.to_owned(), |entry| entry.name.clone()));
    }
    let of_rules: BTreeSet<String> =
        rules(desired).filter_map(|rule| rule.get("vault")?.as_str()).map(str::to_owned).collect();
    let all: BTreeSet<String> = entries(desired, KindId::Vault).map(|entry| entry.name.clone()).collect();
    only("vault", if of_rules.is_empty() { all } else { of_rules })
}

fn only(what: &'static str, candidates: BTreeSet<String>) -> Result<String, OrderError> {
    let mut candidates: Vec<String> = candidates.into_iter().collect();
    match (candidates.pop(), candidates.len()) {
        (Some(one), 0) => Ok(one),
        (last, _) => {
            candidates.extend(last);
            Err(OrderError::Unclear { what, candidates })
        }
    }
}

/// The role that AWS Backup is to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupRole {
    /// Its ARN.
    Arn(String),
    /// The name of a role that the file does not have: only IAM knows its path.
    Name(String),
}

/// Chooses the backup role: the one that was named (a role of the file, any role's name, or an ARN), else the only one that
/// the file's selections have.
///
/// # Errors
/// When there are none or several.
pub fn role(scope: &Scope, desired: &[Desired], named: Option<&str>) -> Result<BackupRole, OrderError> {
    if let Some(named) = named {
        if named.starts_with("arn:") {
            return Ok(BackupRole::Arn(named.to_owned()));
        }
        let is_meant = |entry: &&Desired| entry.name == named || entry.address.to_string() == format!("role.{named}");
        return Ok(match entries(desired, KindId::Role).find(is_meant) {
            Some(entry) => BackupRole::Arn(role_arn(scope, entry)),
            None => BackupRole::Name(named.to_owned()),
        });
    }
    let of_selections = entries(desired, KindId::Selection).map(|entry| text(&entry.fields, "role").to_owned());
    only("role", of_selections.filter(|role| !role.is_empty()).collect()).map(BackupRole::Arn)
}

fn role_arn(scope: &Scope, entry: &Desired) -> String {
    let path = Some(text(&entry.fields, "path")).filter(|path| !path.is_empty());
    scope.iam_arn("role", path.unwrap_or(&scope.iam_path), &entry.name)
}

/// How many days a backup in a vault is kept: the longest that the file's rules keep theirs there. `None`: for ever.
pub fn retention(desired: &[Desired], vault: &str) -> Option<u32> {
    let of_vault = rules(desired).filter(|rule| rule.get("vault").and_then(Value::as_str) == Some(vault));
    let days = of_vault.map(|rule| {
        let kept = rule.get("delete_after").and_then(Value::as_str)?;
        crate::model::duration::days::parse(kept).ok()
    });
    // One that is kept for ever is kept the longest.
    days.collect::<Option<Vec<u32>>>()?.into_iter().max()
}

/// A place in the file, and what belongs there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The entry; none where there is none yet.
    pub location: Option<Location>,
    /// The lines of TOML.
    pub toml: Vec<String>,
    /// What to do with them.
    pub advice: String,
}

/// What an on-demand backup came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The instance's id.
    pub id: String,
    /// The instance as people look for it.
    pub title: String,
    /// The job with AWS's evidence.
    pub proof: Proof,
    /// The image with its tags, whatever the job says.
    pub image: Option<ImageProof>,
    /// Why it is not better.
    pub causes: Vec<Cause>,
    /// What the file needs.
    pub lines: Vec<Line>,
}

impl Report {
    /// Tells whether AWS's own evidence says that the backup is application-consistent.
    pub fn is_consistent(&self) -> bool {
        self.proof.outcome == Outcome::Consistent
    }

    /// Tells whether there is a backup at all.
    pub fn is_backup(&self) -> bool {
        !matches!(self.proof.outcome, Outcome::Failed | Outcome::Unended | Outcome::Gone { .. })
    }
}

/// The checks of the instance's profile and of what its role allows.
const IDENTITY: [&str; 3] = ["D012", "D020", "D021"];

/// Tells whether the profile and the role of an instance were looked at and are as they must be.
fn is_sound(diagnosis: &Diagnosis, instance: &str) -> bool {
    let is_it = |subject: &Subject| matches!(subject, Subject::Instance { id, .. } if id == instance);
    let found = diagnosis.findings.iter().map(|finding| (finding.check, &finding.subject));
    let undecided = diagnosis.undecided.iter().map(|undecided| (undecided.check, &undecided.subject));
    diagnosis.examined.iter().any(is_it)
        && !found.chain(undecided).any(|(check, subject)| IDENTITY.contains(&check) && is_it(subject))
}

/// The causes: what AWS's message means, unless a check found just that, and what the checks found on the instance. AWS says
/// one sentence about many faults: of what it may mean, what a check ruled out is left out.
pub fn causes(diagnosis: Option<&Diagnosis>, meaning: Option<&Meaning>, instance: &str) -> Vec<Cause> {
    let is_about = |subject: &Subject| match subject {
        Subject::Instance { id, .. } => id == instance,
        Subject::Role { .. } => meaning.is_some_and(|meaning| meaning.checks.contains(&"D023")),
        Subject::Plan { .. } | Subject::Selection { .. } | Subject::Key { .. } | Subject::Region { .. } => false,
    };
    let found: Vec<Cause> = diagnosis
        .into_iter()
        .flat_map(|diagnosis| &diagnosis.findings)
        .filter(|finding| is_about(&finding.subject))
        .filter(|finding| {
            finding.severity == Severity::Error
                || meaning.is_some_and(|meaning| {
                    finding.severity == Severity::Warning && meaning.checks.contains(&finding.check)
                })
        })
        .map(|finding| Cause {
            cause: finding.problem.clone(),
            fix: finding.remedy.clone(),
            checks: vec![finding.check.to_owned()],
        })
        .collect();
    // What AWS says counts, also where no check can see it.
    let explains = |meaning: &Meaning| {
        found.iter().flat_map(|cause| &cause.checks).any(|check| meaning.checks.contains(&check.as_str()))
    };
    let is_sound = diagnosis.is_some_and(|diagnosis| is_sound(diagnosis, instance));
    let told = meaning.filter(|meaning| !explains(meaning)).map(|meaning| {
        let mut cause = Cause::from(meaning);
        cause.checks.retain(|check| !is_sound || !IDENTITY.contains(&check.as_str()));
        cause
    });
    told.into_iter().chain(found.iter().cloned()).collect()
}

/// What AWS's words mean, if AWS documents them.
pub fn meaning(proof: &Proof) -> Option<&'static Meaning> {
    proof.job.status_message.as_deref().and_then(messages::meaning)
}

/// The lines of the file that mend what some checks look for, on one instance.
pub fn lines(causes: &[Cause], desired: &[Desired], instance: &Instance) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for check in causes.iter().flat_map(|cause| &cause.checks) {
        let line = match check.as_str() {
            "D012" | "D020" => Some(attachment(desired, instance)),
            "D021" => Some(policies(desired, instance)),
            "D022" | "D030" | "D031" => Some(components(desired, instance)),
            "D023" => backup_role(desired),
            _ => None,
        };
        lines.extend(line.filter(|line| !lines.contains(line)));
    }
    lines
}

/// The profile of the file that instances for VSS carry: its key, as `[attachment.*]` names it.
fn profile(desired: &[Desired]) -> Option<&Desired> {
    entries(desired, KindId::InstanceProfile).next()
}

fn target(instance: &Instance) -> String {
    format!("targets = {{ instance_ids = [\"{}\"] }}", instance.id)
}

fn key(entry: &Desired) -> String {
    let address = entry.address.to_string();
    address.split_once('.').map_or(address.clone(), |(_, key)| key.to_owned())
}

fn attachment(desired: &[Desired], instance: &Instance) -> Line {
    let means = |entry: &&Desired| {
        let targets = entry.fields.get("targets").unwrap_or(&Value::Null);
        crate::kind::targets::means(targets, &instance.id, &instance.tags)
    };
    if let Some(entry) = entries(desired, KindId::Attachment).find(means) {
        return entry_line(entry, "it is there and not applied: run `vssctl apply`");
    }
    let profile = profile(desired).map_or_else(|| "EC2RoleforSSMVSSSnapshotV2".to_owned(), key);
    let name: String = instance
        .name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .take(64)
        .collect();
    let name = if name.is_empty() { "windows".to_owned() } else { name };
    Line {
        location: None,
        toml: vec![format!("[attachment.{name}]"), format!("instance_profile = \"{profile}\""), target(instance)],
        advice: "add these lines, and run `vssctl apply`".to_owned(),
    }
}

fn policies(desired: &[Desired], instance: &Instance) -> Line {
    let carried = instance.profile_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
    let own = entries(desired, KindId::InstanceProfile).find(|entry| Some(entry.name.as_str()) == carried);
    let Some(profile) = own else { return attachment(desired, instance) };
    let role = text(&profile.fields, "role");
    match entries(desired, KindId::Role).find(|entry| entry.name == role) {
        Some(role) => {
            let attached = role.fields.get("managed_policies").and_then(Value::as_array).into_iter().flatten();
            let has = attached.filter_map(Value::as_str).any(|arn| arn.ends_with("/AWSEC2VssSnapshotPolicy"));
            if has {
                return entry_line(role, "it asks for the policy: run `vssctl apply`");
            }
            let mut line =
                entry_line(role, "with this line the role gets the policies that VSS needs; then `vssctl apply`");
            line.toml.push("preset = \"vss-instance\"".to_owned());
            line
        }
        None => entry_line(profile, "its role is not in the file: give it `AWSEC2VssSnapshotPolicy`"),
    }
}

fn components(desired: &[Desired], instance: &Instance) -> Line {
    let is_package = |entry: &&Desired| text(&entry.fields, "package_name") == "AwsVssComponents";
    let means = |entry: &Desired| {
        let targets = entry.fields.get("targets").unwrap_or(&Value::Null);
        crate::kind::targets::means(targets, &instance.id, &instance.tags)
    };
    let all: Vec<&Desired> = entries(desired, KindId::Package).filter(is_package).collect();
    if let Some(entry) = all.iter().find(|entry| means(entry)) {
        return entry_line(entry, "it means the instance: run `vssctl apply`, and look at how the installation went");
    }
    if let Some(entry) = all.first() {
        let advice = "its `targets` do not mean the instance: widen them, or tag the instance; then `vssctl apply`";
        return entry_line(entry, advice);
    }
    Line {
        location: None,
        toml: vec![
            "[package.AwsVssComponents]".to_owned(),
            "minimum_version = \"2.3.1\"".to_owned(),
            target(instance),
            "schedule = \"rate(1 day)\"".to_owned(),
        ],
        advice: "add these lines, and run `vssctl apply`".to_owned(),
    }
}

fn backup_role(desired: &[Desired]) -> Option<Line> {
    let role = entries(desired, KindId::Selection).find_map(|entry| text(&entry.fields, "role").rsplit('/').next())?;
    let entry = entries(desired, KindId::Role).find(|entry| entry.name == role)?;
    let mut line = entry_line(entry, "with this line the role is what AWS Backup needs; then `vssctl apply`");
    line.toml.push("preset = \"backup-service\"".to_owned());
    Some(line)
}

fn entry_line(entry: &Desired, advice: &str) -> Line {
    let address = entry.address.to_string();
    Line { location: entry.location.clone(), toml: vec![format!("[{address}]")], advice: advice.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::load_text;
    use crate::vss::doctor::{self, diagnose};
    use crate::vss::evidence::{Evidence, Known, Unread};
    use crate::vss::fixture;

    const FILE: &str = "
[stack]
name = \"one\"
account_id = \"123456789012\"
region = \"eu-west-1\"
[role.app]
preset = \"vss-instance\"
[role.AWSBackupVss]
preset = \"backup-service\"
[package.AwsVssComponents]
targets = { tags = { VssBackup = \"enabled\" } }
schedule = \"rate(1 day)\"
[vault.vss]
[plan.daily.rule.nightly]
vault = \"vss\"
delete_after = \"35d\"
[plan.daily.rule.weekly]
vault = \"vss\"
schedule = \"cron(0 3 ? * SUN *)\"
start_window = \"1h\"
delete_after = \"90d\"
[plan.daily.selection.windows]
role = \"AWSBackupVss\"
match = { all = { VssBackup = \"enabled\" } }
";

    fn file() -> crate::config::Config {
        load_text("vss.toml", FILE, None).config.expect("a valid file")
    }

    fn server(id: &str, name: &str) -> Instance {
        Instance {
            id: id.to_owned(),
            name: name.to_owned(),
            state: "running".to_owned(),
            windows: true,
            ..Instance::default()
        }
    }

    fn cause(check: &str) -> Cause {
        Cause { cause: String::new(), fix: String::new(), checks: vec![check.to_owned()] }
    }

    #[test]
    fn an_instance_is_found_by_id_or_by_a_name_that_only_one_has() {
        let mut gone = server("i-3", "sql-1");
        gone.state = "terminated".to_owned();
        let mut linux = server("i-4", "web-1");
        linux.windows = false;
        let all = [server("i-1", "sql-1"), server("i-2", "twin"), gone, linux, server("i-5", "twin")];
        let find = |wanted: &str| instance(&all, wanted, "eu-west-1").map(|one| one.id.as_str());
        assert_eq!((find("sql-1"), find("i-5")), (Ok("i-1"), Ok("i-5")));
        assert!(matches!(find("twin"), Err(OrderError::SeveralInstances { ids, .. }) if ids == ["i-2", "i-5"]));
        assert!(matches!(find("sql-2"), Err(OrderError::NoInstance { near: Some(near), .. }) if near == "sql-1"));
        assert!(matches!(find("i-3"), Err(OrderError::NoInstance { .. })));
        assert!(matches!(find("web-1"), Err(OrderError::NotWindows { .. })));
    }

    #[test]
    fn vault_role_and_retention_are_the_files() {
        let config = file();
        assert_eq!(vault(&config.desired, None).as_deref(), Ok("vss"));
        let chosen = |named: Option<&str>| role(&config.scope, &config.desired, named);
        let arn = |arn: &str| Ok(BackupRole::Arn(arn.to_owned()));
        let own = "arn:aws:iam::123456789012:role/AWSBackupVss";
        assert_eq!((chosen(None), chosen(Some("AWSBackupVss"))), (arn(own), arn(own)));
        let theirs = "arn:aws:iam::999999999999:role/x/theirs";
        assert_eq!(chosen(Some(theirs)), arn(theirs));
        assert_eq!(chosen(Some("theirs")), Ok(BackupRole::Name("theirs".to_owned())));
        assert_eq!(retention(&config.desired, "vss"), Some(90));
        assert!(matches!(vault(&[], None), Err(OrderError::Unclear { what: "vault", .. })));
        assert!(matches!(role(&config.scope, &[], None), Err(OrderError::Unclear { what: "role", .. })));
    }

    #[test]
    fn each_cause_leads_to_the_line_that_mends_it() {
        let config = file();
        let mut one = server("i-1", "sql-1");
        let first = |one: &Instance, check: &str| lines(&[cause(check)], &config.desired, one).into_iter().next();
        // Nobody tagged it: the package does not mean it.
        let line = first(&one, "D030").expect("a line");
        assert_eq!(line.toml, ["[package.AwsVssComponents]"]);
        assert!(line.location.is_some() && line.advice.contains("do not mean the instance"));
        one.tags.insert("VssBackup".to_owned(), "enabled".to_owned());
        assert!(first(&one, "D030").expect("a line").advice.contains("run `vssctl apply`"));
        let line = first(&one, "D020").expect("a line");
        assert_eq!(line.toml[..2], ["[attachment.sql-1]", "instance_profile = \"app\""]);
        one.profile_arn = Some("arn:aws:iam::123456789012:instance-profile/app".to_owned());
        assert_eq!(first(&one, "D021").expect("a line").toml, ["[role.app]"]);
        one.profile_arn = Some("arn:aws:iam::123456789012:instance-profile/theirs".to_owned());
        assert_eq!(first(&one, "D021").expect("a line").toml[0], "[attachment.sql-1]");
        assert_eq!(first(&one, "D023").expect("a line").toml[0], "[role.AWSBackupVss]");
        assert_eq!(first(&one, "D050"), None);
    }

    #[test]
    fn what_aws_says_counts_even_where_no_check_sees_it() {
        let message = "Windows VSS Backup attempt failed because ec2-vss-agent.exe is not installed in the Instance";
        let causes = causes(None, messages::meaning(message), "i-1");
        assert_eq!(causes.len(), 1);
        assert_eq!(causes[0].checks, ["D030"]);
    }

    #[test]
    fn what_a_check_ruled_out_is_no_cause() {
        let meaning = messages::meaning(
            "Windows VSS Backup attempt failed because of insufficient privileges to perform this operation",
        );
        let checks = |edit: fn(&mut Evidence)| {
            let mut evidence = fixture::healthy();
            // Nothing tells how old the package is.
            evidence.packages = Known::Known(BTreeMap::new());
            edit(&mut evidence);
            let options = doctor::Options { only: [fixture::ID.to_owned()].into() };
            let causes = causes(Some(&diagnose(&evidence, &options)), meaning, fixture::ID);
            causes.into_iter().next().map(|cause| cause.checks).unwrap_or_default()
        };
        assert_eq!(checks(|_| {}), ["D022"]);
        let all = ["D020", "D021", "D022"];
        assert_eq!(checks(|evidence| evidence.profiles = Known::Unknown(Unread::default())), all, "nobody could look");
        let lacking = checks(|evidence| fixture::role(evidence, fixture::INSTANCE_ROLE).managed.clear());
        assert_eq!(lacking, ["D021"], "and what a check found stays");
        assert_eq!(causes(None, meaning, fixture::ID)[0].checks, all, "nobody looked");
    }
}
