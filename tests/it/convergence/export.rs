//! Random accounts that nobody manages, exported and taken over: adopting what the file declares writes marks alone, and
//! leaves nothing to change. The importer reads an exported template back as the same file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use vssctl::config::cloudformation::{Given, import};
use vssctl::config::export::{Account, Documents, Gap, Written, addresses, file};
use vssctl::config::{self, Config};
use vssctl::engine::{self, Exclusion, Order, Reviewed, Session, Tempo};
use vssctl::kind::diff::diff;
use vssctl::kind::{Desired, Fields, Owner};
use vssctl::kinds;
use vssctl::model::{Action, KindId, Severity};
use vssctl::observe::export::Asked;
use vssctl::plan::{self, Plan};
use vssctl::render::export::cloudformation::template;
use vssctl::sandbox::Sandbox;

use super::account::{self, things};
use super::random::Random;
use super::simulation::{Way, World, in_virtual_time};
use super::wire::Wire;
use super::{asked, world};
use crate::bench;
use crate::bench::{ALL, Quiet};
use crate::convergence::files::Bounds;

/// So many accounts are exported with every test run.
const ACCOUNTS: u64 = 60;

const REGION: &str = "ap-northeast-1";
const STACK: &str = "[stack]\nname = \"taken\"\naccount_id = \"123456789012\"\nregion = \"ap-northeast-1\"\n";

/// What a run counted.
#[derive(Debug, Default)]
struct Figures {
    accounts: usize,
    resources: usize,
    adopted: usize,
    gaps: usize,
    imported: usize,
    kinds: BTreeMap<&'static str, usize>,
}

/// Takes vssctl's marks off everything, as if people had made it by hand.
fn unmark(sandbox: &Sandbox) {
    let bare = |tags: &mut BTreeMap<String, String>| tags.retain(|key, _| !key.starts_with("vssctl:"));
    sandbox
        .edit(|account| {
            let iam = &mut account.iam;
            let roles = iam.roles.values_mut().map(|it| &mut it.tags);
            let policies = iam.policies.values_mut().map(|it| &mut it.tags);
            let profiles = iam.profiles.values_mut().map(|it| &mut it.tags);
            roles.chain(policies).chain(profiles).filter(|tags| is_ours(tags)).for_each(bare);
            let region = account.regions.entry(REGION.to_owned()).or_default();
            let vaults = region.backup.vaults.values_mut().map(|it| &mut it.tags);
            let plans = region.backup.plans.values_mut().map(|it| &mut it.tags);
            let tests = region.backup.restore_testing.values_mut().map(|it| &mut it.tags);
            let associations = region.ssm.associations.values_mut().map(|it| &mut it.tags);
            vaults.chain(plans).chain(tests).chain(associations).filter(|tags| is_ours(tags)).for_each(bare);
        })
        .expect("an edit");
}

fn is_ours(tags: &BTreeMap<String, String>) -> bool {
    tags.get("vssctl:stack").is_some_and(|stack| stack == "bench")
}

async fn session(world: &World, config: Config) -> Session {
    let wire = Wire::new(world.sandbox.http_client(), None);
    bench::open(config, wire, None, Tempo::REAL).await.expect("a session")
}

fn loaded(text: &str) -> Config {
    let loaded = config::load_text("vss.toml", text, None);
    let errors: Vec<_> = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error).collect();
    loaded.config.unwrap_or_else(|| panic!("{errors:#?}\n{text}"))
}

/// Makes an account from a random file, with strangers' resources beside it.
async fn account_of(seed: u64) -> World {
    let mut random = Random::new(seed);
    let world = World::new();
    let written = world::files::file(&mut random, Bounds { commands: true });
    account::populate(&world.sandbox, &mut random);
    let wire = Wire::new(world.sandbox.http_client(), None);
    world.apply(&bench::load(&written.text), &wire, None, Way::WHOLE).await;
    unmark(&world.sandbox);
    world
}

async fn read(world: &World) -> Account {
    let session = session(world, loaded(STACK)).await;
    let read = session.export(&Asked::All, &Quiet).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(read.unread, [""; 0]);
    read
}

/// The account without the marks of any stack.
fn bare(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let mut things = things(sandbox);
    for thing in things.values_mut() {
        if let Some(tags) = thing.get_mut("tags").and_then(Value::as_object_mut) {
            tags.retain(|key, _| !key.starts_with("vssctl:"));
        }
    }
    things
}

fn actions(plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let mut actions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| change.action != Action::NoOp) {
        let fields: Vec<&str> = change.fields.iter().map(|field| field.path.as_str()).collect();
        let line = format!("{} {fields:?} {:?}", change.address, change.reason);
        actions.entry(format!("{:?}", change.action)).or_default().push(line);
    }
    actions
}

/// Exports an account, takes it over, and looks that nothing is left to do.
async fn taken_over(seed: u64, figures: &mut Figures) {
    let world = account_of(seed).await;
    let read = read(&world).await;
    let Written { text, gaps, adopt, entries, .. } = file(&read, Documents::Inline);
    let config = loaded(&text);
    complete(&read, &config, &text, gaps.len());
    let before = bare(&world.sandbox);

    let first = session(&world, config.clone()).await;
    let (plan, _) = first.plan(&plan::Options::default(), &Quiet).await.expect("a plan");
    let shown = actions(&plan);
    assert!(shown.keys().all(|action| action == "Refused"), "seed {seed}: {shown:#?}\n{text}");

    let (mut targets, mut adopt_ids) = (Vec::new(), BTreeMap::new());
    for argument in &adopt {
        let (address, id) = argument.split_once('=').map_or((argument.as_str(), None), |(a, b)| (a, Some(b)));
        let address: vssctl::model::Address = address.parse().expect("an address");
        adopt_ids.extend(id.map(|id| (address.clone(), id.to_owned())));
        targets.push(address);
    }
    if !targets.is_empty() {
        let options = plan::Options { targets: targets.clone(), adopt: targets, adopt_ids, ..plan::Options::default() };
        let order = Order {
            operation: "adopt",
            options: &options,
            consents: &ALL,
            reviewed: Reviewed::No,
            exclusion: Exclusion::None,
            parallelism: 8,
        };
        let ended = engine::carry_out(&first, &order, &Quiet).await;
        let ended = ended.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert!(
            ended.plan.diagnostics.iter().all(|one| one.severity != Severity::Error),
            "{:#?}",
            ended.plan.diagnostics
        );
    }
    assert_eq!(before, bare(&world.sandbox), "seed {seed}: an adoption writes marks alone");
    let second = session(&world, config.clone()).await;
    let (plan, _) = second.plan(&plan::Options::default(), &Quiet).await.expect("a plan");
    let left = actions(&plan);
    assert!(left.is_empty(), "seed {seed}: {left:#?}\n{text}");
    assert!(plan.orphans.is_empty() && plan.is_empty(), "seed {seed}: {:#?}\n{text}", plan.orphans);
    figures.accounts += 1;
    figures.resources += entries;
    figures.adopted += adopt.len();
    figures.gaps += gaps.len();
    for desired in &config.desired {
        *figures.kinds.entry(desired.address.kind().name()).or_default() += 1;
    }
}

/// Looks that the file says all that was read: nothing of a resource is missing in its entry, defaults apart.
fn complete(read: &Account, config: &Config, text: &str, gaps: usize) {
    for (resource, address) in read.resources.iter().zip(addresses(read)) {
        let Some(desired) = config.desired.iter().find(|desired| desired.address == address) else {
            assert!(gaps > 0, "`{address}` is missing without a word\n{text}");
            continue;
        };
        let kind = kinds::of(resource.kind);
        let mut desired: Desired = desired.clone();
        kind.complete(&mut desired, &resource.live);
        let live = without_defaults(resource.kind, &resource.live.fields);
        let missing = diff(kind.fields(), &live, &desired.fields, &BTreeMap::new());
        assert!(missing.is_empty() || gaps > 0, "`{address}`: {missing:#?}\n{text}");
    }
}

fn without_defaults(kind: KindId, fields: &Fields) -> Fields {
    let mut fields = fields.clone();
    if matches!(kind, KindId::Role | KindId::Policy | KindId::InstanceProfile) {
        fields.retain(|name, value| !(name == "path" && *value == "/"));
        fields.retain(|name, value| !(name == "max_session_duration" && *value == "1h"));
    }
    fields.retain(|_, value| *value != false || kind == KindId::Plan);
    let rules = fields.get_mut("rule").and_then(Value::as_object_mut).into_iter().flatten();
    for rule in rules.filter_map(|(_, rule)| rule.as_object_mut()) {
        rule.retain(|_, value| *value != false);
        let copies = rule.get_mut("copy_actions").and_then(Value::as_object_mut).into_iter().flatten();
        for copy in copies.filter_map(|(_, copy)| copy.as_object_mut()) {
            copy.retain(|_, value| *value != false);
        }
    }
    if let Some(tags) = fields.get_mut("tags").and_then(Value::as_object_mut) {
        tags.retain(|key, _| !key.starts_with("vssctl:"));
    }
    fields
}

/// Writes an account as a template, and looks that the importer reads back what the file says.
async fn read_back(seed: u64, figures: &mut Figures) {
    let world = account_of(seed).await;
    let read = read(&world).await;
    let template = template(&read, &addresses(&read));
    if template.exported.resources == 0 {
        return;
    }
    let imported = import("template.json", &template.exported.text, &read.scope, &Given::default());
    let text = imported.text.unwrap_or_else(|| panic!("seed {seed}: {:#?}", imported.diagnostics));
    let config = loaded(&text);
    // What is not in the template is not declared; AWS does not tell how firm a lock was made.
    let is_out = |gap: &&Gap| gap.is_out || gap.what.contains("ChangeableForDays");
    let out: BTreeSet<String> =
        template.exported.gaps.iter().filter(is_out).map(|gap| gap.address.to_string()).collect();
    for (resource, address) in read.resources.iter().zip(addresses(&read)) {
        // A file has one association of a name.
        if out.contains(&address.to_string()) || read.shared.contains(&resource.id) {
            continue;
        }
        let same = |desired: &&Desired| {
            let (own, other) = (desired.address.kind(), &resource.live);
            own == resource.kind && desired.name == other.name && is_of(desired, resource.plan_id(), &read, &config)
        };
        let desired = config.desired.iter().find(same);
        let mut desired =
            desired.unwrap_or_else(|| panic!("seed {seed}: `{address}` is not read back\n{text}")).clone();
        let kind = kinds::of(resource.kind);
        kind.complete(&mut desired, &resource.live);
        let there = diff(kind.fields(), &desired.fields, &resource.live.fields, &BTreeMap::new());
        assert!(there.is_empty(), "seed {seed}: `{address}`: {there:#?}\n{}\n{text}", template.exported.text);
        figures.imported += 1;
    }
}

/// Tells whether a selection of the file is in the plan of that id.
fn is_of(desired: &Desired, plan: Option<&str>, read: &Account, config: &Config) -> bool {
    let Some(plan) = plan else { return true };
    let parent = read.resources.iter().find(|one| one.kind == KindId::Plan && one.id == plan);
    let named = config
        .desired
        .iter()
        .find(|one| one.address.kind() == KindId::Plan && Some(one.address.key()) == desired.address.parent_key());
    parent.zip(named).is_some_and(|(parent, named)| parent.live.name == named.name)
}

fn seeds(salt: u64) -> impl Iterator<Item = u64> {
    let count = asked("VSSCTL_SIMULATIONS").unwrap_or(ACCOUNTS);
    let one = asked("VSSCTL_SEED");
    one.map_or_else(|| (0..count).map(|seed| seed + salt).collect::<Vec<_>>(), |seed| vec![seed]).into_iter()
}

#[test]
fn an_exported_account_is_adopted_and_nothing_is_left_to_change() {
    let mut figures = Figures::default();
    for seed in seeds(70_000) {
        in_virtual_time(seed, taken_over(seed, &mut figures));
    }
    let Figures { accounts, resources, adopted, gaps, kinds, .. } = &figures;
    println!(
        "export: {accounts} random accounts with {resources} resources written, {adopted} adopted, each plan empty after it; \
         {gaps} gaps named; {kinds:?}"
    );
    assert!(*resources > accounts * 4 && kinds.len() > 7, "{figures:?}");
}

#[test]
fn an_exported_template_is_read_back_as_what_is_live() {
    let mut figures = Figures::default();
    for seed in seeds(80_000) {
        in_virtual_time(seed, read_back(seed, &mut figures));
    }
    println!("export: {} resources of CloudFormation templates read back as what is live", figures.imported);
    assert!(figures.imported > 200, "{figures:?}");
}

#[test]
fn what_belongs_to_others_is_left_out_with_its_owner() {
    in_virtual_time(1, async {
        let world = World::new();
        let vault = |name: &str, tags: Map<String, Value>| {
            let input = serde_json::json!({ "BackupVaultName": name, "BackupVaultTags": tags });
            world.sandbox.call("backup", "CreateBackupVault", REGION, &input).expect("a vault");
        };
        let tags = |pairs: &[(&str, &str)]| -> Map<String, Value> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
        };
        vault("theirs", tags(&[("vssctl:stack", "other"), ("vssctl:id", "vault.theirs")]));
        vault("nobodys", Map::new());
        vault("ours", tags(&[("vssctl:stack", "taken"), ("vssctl:id", "vault.kept-key")]));
        let read = read(&world).await;
        let left: Vec<String> = read.left_out.iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
        assert!(left.iter().any(|one| one.contains("`theirs`") && one.contains("stack `other`")), "{left:?}");
        let Written { text, adopt, .. } = file(&read, Documents::Inline);
        assert!(text.contains("[vault.kept-key]\nname = \"ours\"") && text.contains("[vault.nobodys]"), "{text}");
        assert!(!text.contains("theirs"), "{text}");
        assert_eq!(adopt, ["vault.nobodys"]);
        let ours = read.resources.iter().find(|one| one.live.name == "ours").expect("the vault");
        assert!(matches!(ours.live.owner, Owner::Ours(Some(_))));
    });
}
