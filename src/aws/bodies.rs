//! What AWS never changes: the body of a version of a backup plan, and a selection. Who has read one once needs no call
//! to know it, as long as a list shows the same id.
//!
//! They are kept in memory for a run, and in a file between runs where the caller names a folder. The file is a cache
//! and nothing else: what is damaged, too large, or readable or writable by others counts as not there. Nothing that
//! may change is ever in it, not even the time of a plan's last run, which AWS answers along with the body.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_backup::types::BackupSelectionsListMember;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Scope;
use crate::model::hash::sha256_hex;

/// The form of the file.
const FORMAT: u32 = 1;
/// The most bodies and bytes that a file keeps. Those go first that were not needed for the longest time.
const MOST: usize = 4096;
const LARGEST: u64 = 16 << 20;
/// The most files of a folder: one for each account and region.
const FILES: usize = 256;
/// The members of the answers that never change.
const PLAN: [&str; 5] = ["AdvancedBackupSettings", "BackupPlan", "BackupPlanArn", "BackupPlanId", "VersionId"];
const SELECTION: [&str; 5] = ["BackupPlanId", "BackupSelection", "CreationDate", "CreatorRequestId", "SelectionId"];

/// What is known of bodies.
#[derive(Debug)]
pub(super) struct Bodies {
    path: Option<PathBuf>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    entries: BTreeMap<String, Entry>,
    /// The selections of plans as this run has read and changed them.
    selections: BTreeMap<String, Vec<BackupSelectionsListMember>>,
    has_changed: bool,
}

/// A body, and when it was needed last.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    /// In seconds since 1970.
    used: i64,
    sha256: String,
    /// The answer's JSON.
    body: String,
    /// It is what this run sent, and not an answer: it counts for this run alone.
    #[serde(skip)]
    is_ours: bool,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Form {
    format: u32,
    entries: BTreeMap<String, Entry>,
}

/// The name of a body.
#[derive(Clone, Debug)]
pub(super) enum Name<'a> {
    /// A version of a plan, by the two ids.
    Plan(&'a str, &'a str),
    /// A selection, by its plan's id and its own.
    Selection(&'a str, &'a str),
}

impl Name<'_> {
    fn key(&self) -> String {
        match self {
            Self::Plan(id, version) => format!("plan/{id}/{version}"),
            Self::Selection(plan, id) => format!("selection/{plan}/{id}"),
        }
    }

    fn members(&self) -> &'static [&'static str] {
        match self {
            Self::Plan(..) => &PLAN,
            Self::Selection(..) => &SELECTION,
        }
    }
}

impl Bodies {
    /// Reads what a folder keeps of an account; without a folder nothing is kept beyond the run.
    pub(super) fn open(folder: Option<&Path>, scope: &Scope, endpoint: &str) -> Self {
        let path = folder.map(|folder| folder.join(file_name(scope, endpoint)));
        let entries = path.as_deref().and_then(|path| {
            let read = read(path);
            if let Err(error) = &read {
                tracing::debug!(%error, path = %path.display(), "no bodies are remembered");
            }
            read.ok()
        });
        Self { path, kept: Mutex::new(Kept { entries: entries.unwrap_or_default(), ..Kept::default() }) }
    }

    /// Returns a body's JSON.
    pub(super) fn get(&self, name: &Name<'_>) -> Option<String> {
        let (mut kept, key) = (self.kept(), name.key());
        let entry = kept.entries.get_mut(&key)?;
        if entry.sha256 != hash(&entry.body) {
            kept.entries.remove(&key);
            kept.has_changed = true;
            return None;
        }
        let now = now();
        let body = entry.body.clone();
        // Once a day is often enough to know what is not needed any more.
        if now.abs_diff(entry.used) > 86_400 {
            entry.used = now;
            kept.has_changed = true;
        }
        Some(body)
    }

    /// Remembers the parts of an answer that never change.
    pub(super) fn put(&self, name: &Name<'_>, answer: &Value) {
        self.insert(name, answer, false);
    }

    /// Remembers what this run sent and AWS acknowledged, in the form of an answer. It is no answer: AWS may write it
    /// in another way, so that the next run reads it.
    pub(super) fn made(&self, name: &Name<'_>, sent: &Value) {
        self.insert(name, sent, true);
    }

    /// Returns the selections of a plan, as this run knows them.
    pub(super) fn selections(&self, plan: &str) -> Option<Vec<BackupSelectionsListMember>> {
        self.kept().selections.get(plan).cloned()
    }

    /// Remembers the selections of a plan; none are known where they are absent.
    pub(super) fn set_selections(&self, plan: &str, members: Option<Vec<BackupSelectionsListMember>>) {
        let selections = &mut self.kept().selections;
        match members {
            Some(members) => selections.insert(plan.to_owned(), members),
            None => selections.remove(plan),
        };
    }

    fn insert(&self, name: &Name<'_>, answer: &Value, is_ours: bool) {
        let Some(answer) = answer.as_object() else { return };
        let members =
            name.members().iter().filter_map(|member| Some(((*member).to_owned(), answer.get(*member)?.clone())));
        let body = Value::Object(members.collect()).to_string();
        let mut kept = self.kept();
        kept.entries.insert(name.key(), Entry { used: now(), sha256: hash(&body), body, is_ours });
        kept.has_changed |= !is_ours;
    }

    /// Writes the file, where something is new. That it can't be written costs calls in the next run, and nothing else.
    pub(super) fn keep(&self) {
        let Some(path) = &self.path else { return };
        let mut kept = self.kept();
        if !std::mem::take(&mut kept.has_changed) {
            return;
        }
        if let Err(error) = write(path, &kept.entries) {
            tracing::debug!(%error, path = %path.display(), "bodies are not remembered");
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(text: &str) -> String {
    sha256_hex(text.as_bytes())
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Ids are unique in AWS. A simulator on this machine is another AWS, so that the endpoint counts as well.
fn file_name(scope: &Scope, endpoint: &str) -> String {
    let of = [scope.partition(), &scope.account_id, &scope.region, endpoint];
    format!("bodies-{}.json", &hash(&of.join("\n"))[..32])
}

fn read(path: &Path) -> io::Result<BTreeMap<String, Entry>> {
    let refused = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message);
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(refused("it is not a regular file"));
    }
    let file = fs::File::open(path)?;
    if is_others(&file.metadata()?) {
        return Err(refused("others may read or write it"));
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(refused("it is too large"));
    }
    let form: Form = serde_json::from_str(&text)?;
    if form.format != FORMAT {
        return Err(refused("it has another form"));
    }
    Ok(form.entries)
}

/// Tells whether anybody else may read or write a file.
#[cfg(unix)]
fn is_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o077 != 0
}

/// Files in a user's own folders are the user's.
#[cfg(not(unix))]
fn is_others(_metadata: &fs::Metadata) -> bool {
    false
}

/// Writes a new file beside it, which is its owner's alone, and renames that: it is whole or not there.
fn write(path: &Path, entries: &BTreeMap<String, Entry>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut newest: Vec<(&String, &Entry)> = entries.iter().filter(|(_, entry)| !entry.is_ours).collect();
    newest.sort_unstable_by(|left, right| (right.1.used, right.0).cmp(&(left.1.used, left.0)));
    let mut room = LARGEST / 2;
    let fits = |(_, entry): &(&String, &Entry)| {
        let size = entry.body.len() as u64 + 256;
        room = room.saturating_sub(size);
        room > 0
    };
    let kept = newest.into_iter().take(MOST).take_while(fits).map(|(key, entry)| (key.clone(), entry.clone()));
    let text = serde_json::to_vec(&Form { format: FORMAT, entries: kept.collect() })?;
    let mut file = tempfile::Builder::new().prefix(".bodies-").tempfile_in(folder)?;
    file.write_all(&text)?;
    file.persist(path).map_err(|error| error.error)?;
    forget_old_files(folder)
}

/// Makes a folder that is its owner's alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Deletes the oldest files of a folder that has too many.
fn forget_old_files(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        if file.file_name().to_string_lossy().starts_with("bodies-") {
            files.push((file.metadata()?.modified()?, file.path()));
        }
    }
    files.sort();
    let surplus = files.len().saturating_sub(FILES);
    files.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
}

/// Makes a client that answers with a body that is known, so that the SDK reads it as it reads any answer.
pub(super) fn answering(body: String) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Known(body));
    http_client_fn(move |_settings, _components| connector.clone())
}

#[derive(Debug)]
struct Known(String);

impl HttpConnector for Known {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let ok = StatusCode::try_from(200).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from(self.0.clone()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        Scope { stack: "s".into(), account_id: "123456789012".into(), region: "eu-west-1".into(), iam_path: "/".into() }
    }

    const NAME: Name<'static> = Name::Plan("p", "v1");

    /// Keeps one plan in a folder and returns the file.
    fn kept(folder: &Path) -> PathBuf {
        let bodies = Bodies::open(Some(folder), &scope(), "");
        bodies
            .put(&NAME, &json!({ "BackupPlan": { "BackupPlanName": "a" }, "LastExecutionDate": 5, "VersionId": "v1" }));
        bodies.keep();
        bodies.path.clone().expect("a path")
    }

    #[test]
    fn what_never_changes_is_there_in_the_next_run_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = kept(folder.path());
        let again = Bodies::open(Some(folder.path()), &scope(), "");
        let body: Value = serde_json::from_str(&again.get(&NAME).expect("a body")).expect("JSON");
        assert_eq!(body, json!({ "BackupPlan": { "BackupPlanName": "a" }, "VersionId": "v1" }));
        assert!(again.get(&Name::Plan("p", "v2")).is_none() && again.get(&Name::Selection("p", "v1")).is_none());
        for (region, endpoint) in [("eu-west-2", ""), ("eu-west-1", "http://127.0.0.1:4599")] {
            let other = Bodies::open(Some(folder.path()), &Scope { region: region.into(), ..scope() }, endpoint);
            assert!(other.get(&NAME).is_none(), "{region} {endpoint}");
        }
        assert!(path.exists());
    }

    #[test]
    fn a_damaged_or_foreign_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = kept(folder.path());
        let whole = fs::read_to_string(&path).expect("a file");
        let found = || Bodies::open(Some(folder.path()), &scope(), "").get(&NAME).is_some();
        assert!(found());
        for damaged in [
            &whole[..whole.len() / 2],
            "",
            "[]",
            &whole.replace("\\\"a\\\"", "\\\"b\\\""),
            &whole.replacen('1', "2", 1),
        ] {
            assert_ne!(damaged, whole);
            fs::write(&path, damaged).expect("a file");
            assert!(!found(), "{damaged}");
        }
        fs::write(&path, &whole).expect("a file");
        assert!(found());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("permissions");
            assert!(!found());
            fs::remove_file(&path).expect("a file");
            let elsewhere = folder.path().join("elsewhere");
            fs::write(&elsewhere, &whole).expect("a file");
            fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).expect("permissions");
            std::os::unix::fs::symlink(&elsewhere, &path).expect("a link");
            assert!(!found());
        }
    }

    #[test]
    fn a_file_has_a_limit_and_what_was_used_last_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let bodies = Bodies::open(Some(folder.path()), &scope(), "");
        for number in 0..MOST + 10 {
            bodies.put(&Name::Selection("p", &number.to_string()), &json!({ "BackupSelection": {} }));
        }
        for entry in bodies.kept().entries.values_mut() {
            entry.used -= 1000;
        }
        bodies.put(&NAME, &json!({ "BackupPlan": {} }));
        bodies.keep();
        let again = Bodies::open(Some(folder.path()), &scope(), "");
        assert!(again.get(&NAME).is_some());
        assert_eq!(again.kept().entries.len(), MOST);
    }
}
