//! How long the pure parts of a run take for 10,000 resources, beside 2,500 of them: four times as many resources should
//! take four times as long. `cargo bench --bench functions` prints a table; it asks nobody and writes nothing.
//!
//! A file has at most 2,000 resources, so that several files of one stack are put together.

#![expect(clippy::print_stdout, reason = "it prints its table")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vssctl::config;
use vssctl::kind::{Carried, Desired, Found, KindLive, Live, Owner, diff, marks};
use vssctl::kinds;
use vssctl::model::{Consents, KindId, Scope};
use vssctl::observe::LiveAccount;
use vssctl::plan::{Input, Options, Plan, build, check};
use vssctl::policy;
use vssctl::render::text;

/// Stacks of one file: a role, its instance profile, a vault and a plan make four resources.
const STACKS: usize = 500;
/// How many resources are measured.
const SIZES: [usize; 2] = [2_500, 10_000];
/// How often each function is measured; the shortest time counts.
const RUNS: usize = 3;

fn main() {
    println!("{:<44} {:>12} {:>12} {:>7}", "", SIZES[0], SIZES[1], "times");
    let [small, large] = SIZES.map(|count| measured(&Case::new(count)));
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        let times = large.as_secs_f64() / small.as_secs_f64();
        println!("{name:<44} {:>9.1} ms {:>9.1} ms {times:>7.1}", milliseconds(*small), milliseconds(*large));
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The resources of a stack, and what is live of them.
struct Case {
    files: Vec<String>,
    scope: Scope,
    desired: Vec<Desired>,
    absent: LiveAccount,
    changed: LiveAccount,
    documents: Vec<(String, Value)>,
}

impl Case {
    fn new(count: usize) -> Self {
        let stacks = count / 4;
        let files: Vec<String> =
            (0..stacks.div_ceil(STACKS)).map(|file| toml(file * STACKS..((file + 1) * STACKS).min(stacks))).collect();
        let read: Vec<_> = files.iter().map(|text| load(text)).collect();
        let scope = read[0].scope.clone();
        let desired: Vec<Desired> = read.into_iter().flat_map(|config| config.desired).collect();
        assert_eq!(desired.len(), count);
        let absent = account(&desired, |_| Found::Absent);
        let changed = account(&desired, |entry| Found::Live(Box::new(live(&scope, entry))));
        let documents = (0..count).map(document).collect();
        Self { files, scope, desired, absent, changed, documents }
    }

    fn plan(&self, live: &LiveAccount) -> Plan {
        build::build(&Input {
            scope: &self.scope,
            config_sha256: "",
            desired: &self.desired,
            live: &live.kinds,
            installed: &live.installed,
            references: &live.references,
            others: &live.others,
            quotas: &live.quotas,
            options: &Options::default(),
        })
    }
}

fn load(text: &str) -> config::Config {
    let loaded = config::load_text("vss.toml", text, None);
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

/// Writes a file of the stacks of a range.
fn toml(numbers: std::ops::Range<usize>) -> String {
    let mut text = "[stack]\nname = \"bench\"\naccount_id = \"123456789012\"\nregion = \"eu-central-1\"\n".to_owned();
    for number in numbers {
        let _ = write!(
            text,
            "[role.r{number}]\npreset = \"vss-instance\"\n[vault.v{number}]\n[plan.p{number}]\nwindows_vss = true\n\
             [plan.p{number}.rule.daily]\nvault = \"v{number}\"\nschedule = \"cron(0 5 ? * * *)\"\ndelete_after = \
             \"35d\"\n"
        );
    }
    text
}

fn account(desired: &[Desired], found: impl Fn(&Desired) -> Found) -> LiveAccount {
    let of_kind = |kind: KindId| {
        let entries = desired.iter().filter(|entry| entry.address.kind() == kind);
        let found: BTreeMap<_, _> = entries.map(|entry| (entry.address.clone(), found(entry))).collect();
        (kind, KindLive { found, ..KindLive::default() })
    };
    LiveAccount { kinds: KindId::ALL.into_iter().map(of_kind).collect(), ..LiveAccount::default() }
}

/// Makes the live resource of an entry, with a tag that the file does not want.
fn live(scope: &Scope, entry: &Desired) -> Live {
    let mut fields = entry.fields.clone();
    let mut tags: BTreeMap<String, String> = marks::marks(scope, &entry.address, ["team"]);
    tags.insert("team".to_owned(), "a".to_owned());
    fields.insert("tags".to_owned(), json!(tags));
    let id = format!("id-{}", entry.name);
    let ids = ["Arn", "BackupPlanId", "VersionId", "RoleId", "InstanceProfileId"];
    Live {
        name: entry.name.clone(),
        owner: Owner::Ours(Some(entry.address.clone())),
        ids: ids.into_iter().map(|name| (name.to_owned(), id.clone())).collect(),
        fields,
        carried: Carried::default(),
        refers: Vec::new(),
    }
}

/// Makes a policy document, and one that allows an action more.
fn document(number: usize) -> (String, Value) {
    let resource = format!("arn:aws:ec2:*:*:snapshot/snap-{number}");
    let statement = |actions: &[&str]| {
        json!({"Sid": "S", "Effect": "Allow", "Action": actions, "Resource": [&resource, "arn:aws:ec2:*::image/*"],
               "Condition": {"StringLike": {"aws:RequestTag/Device": ["a*", "b*"]}}})
    };
    let policy = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]});
    let before = policy(statement(&["ec2:CreateTags", "ec2:CreateSnapshot", "ec2:DescribeImages"]));
    (before.to_string(), policy(statement(&["ec2:createsnapshot", "ec2:CreateTags", "ec2:CreateImage"])))
}

/// Measures everything, in the order of a run.
fn measured(case: &Case) -> Vec<(&'static str, Duration)> {
    let create = case.plan(&case.absent);
    let change = case.plan(&case.changed);
    assert!(create.steps.len() >= case.desired.len() && change.steps.len() >= case.desired.len());
    let consents = Consents::default();
    let (command, detail) = ("vssctl apply", text::Detail::Brief);
    let reading = text::Reading { consents: &consents, problems: "", command, width: 100, detail };
    vec![
        ("read files", shortest(|| case.files.iter().map(|text| load(text).desired.len()).sum::<usize>())),
        ("policies: read", shortest(|| case.documents.iter().map(|(text, _)| parse(text)).collect::<Vec<_>>())),
        ("policies: compare", {
            let read: Vec<Value> = case.documents.iter().map(|(text, _)| parse(text)).collect();
            let pairs = || read.iter().zip(case.documents.iter().map(|(_, after)| after));
            shortest(|| {
                pairs().map(|(before, after)| policy::diff(before, after).map(|it| it.len())).collect::<Vec<_>>()
            })
        }),
        ("diff of fields", shortest(|| case.desired.iter().map(|entry| differences(case, entry)).sum::<usize>())),
        ("plan: create all", shortest(|| case.plan(&case.absent))),
        ("plan: change all", shortest(|| case.plan(&case.changed))),
        ("check the plan", shortest(|| check::violations(&create, &case.absent.kinds))),
        ("plan as text", shortest(|| text::plan(&create, &reading))),
        ("plan as JSON", shortest(|| serde_json::to_string(&create).map(|text| text.len()).unwrap_or_default())),
    ]
}

fn parse(text: &str) -> Value {
    policy::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn differences(case: &Case, entry: &Desired) -> usize {
    let kind = kinds::of(entry.address.kind());
    let live =
        case.changed.kinds.iter().find(|(id, _)| *id == kind.id()).and_then(|(_, it)| it.found.get(&entry.address));
    let Some(Found::Live(live)) = live else { panic!("{} is live", entry.address) };
    diff::diff(kind.fields(), &entry.fields, &live.fields, &BTreeMap::new()).len()
}

/// Returns the shortest time of several runs.
fn shortest<T>(mut run: impl FnMut() -> T) -> Duration {
    let mut times = (0..RUNS).map(|_| {
        let began = Instant::now();
        black_box(run());
        began.elapsed()
    });
    let first = times.next().unwrap_or_default();
    times.fold(first, Duration::min)
}
