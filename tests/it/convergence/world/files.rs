//! Random files of every key that the schema has.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vssctl::model::Severity;

use super::super::files::Bounds;
use super::super::random::Random;
use super::schema;
use super::values::{Names, trust, value};

/// A file: its text, and what was written into it.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) file: Value,
}

impl Written {
    fn new(file: Value) -> Self {
        Self { text: toml::to_string(&file).expect("TOML"), file }
    }
}

/// Of so many optional keys a table has one.
const SPARSE: usize = 4;

/// What a second file has to take away or turn round, so that the first one has to have it.
const OFTEN: [(&str, &str); 5] = [
    ("role.*", "permissions_boundary"),
    ("vault.*", "access_policy"),
    ("vault.*", "notifications"),
    ("plan.*", "windows_vss"),
    ("attachment.*", "replace"),
];

struct Maker<'a> {
    random: &'a mut Random,
    names: Names,
}

impl Maker<'_> {
    /// Fills a table: the required keys, and some of the others.
    fn table(&mut self, table: &str) -> Map<String, Value> {
        let mut filled = Map::new();
        for (key, required) in schema::keys(table) {
            let sparse = if OFTEN.contains(&(table, &key)) { 2 } else { SPARSE };
            if !required && !self.random.one_in(sparse) {
                continue;
            }
            if let Some(value) = self.nested(table, &key) {
                filled.insert(key, value);
            }
        }
        filled
    }

    fn nested(&mut self, table: &str, key: &str) -> Option<Value> {
        let inner = format!("{table}.{key}");
        match (table, key) {
            // What a table of its own has more to say of than a value.
            ("attachment.*" | "package.*", "targets") => Some(self.targets(&inner)),
            ("vault.*", "notifications") if self.random.one_in(3) => Some(json!({})),
            ("vault.*", "notifications") | ("restore_test.*", "recovery_point_selection") => {
                let mut filled = self.table(&inner);
                for key in ["topic", "events"].into_iter().filter(|_| key == "notifications") {
                    filled.insert(key.to_owned(), value(self.random, &self.names, &inner, key)?);
                }
                Some(filled.into())
            }
            ("role.*", "instance_profile") if self.random.one_in(3) => Some(self.table(&inner).into()),
            ("vault.*", "lock") => Some(self.lock()),
            (_, "allow") => Some(json!([{ "code": "VSS1020", "reason": "a test" }])),
            ("plan.*", "rule") => Some(self.rules()),
            ("plan.*.rule.*", "copy_actions") => Some(self.copies()),
            ("plan.*" | "restore_test.*", "selection") => Some(self.selections(table)),
            ("plan.*.selection.*" | "restore_test.*.selection.*", "match") => Some(self.matches(&inner)),
            _ => value(self.random, &self.names, table, key),
        }
    }

    fn targets(&mut self, table: &str) -> Value {
        let keys = schema::keys(table);
        let (key, _) = self.random.pick(&keys).clone();
        json!({ key.clone(): value(self.random, &self.names, table, &key) })
    }

    fn lock(&mut self) -> Value {
        let mut lock = self.table("vault.*.lock");
        match lock["mode"].as_str() {
            Some("governance") => {
                lock.shift_remove("changeable_for");
                lock.shift_remove("compliance_lock_is_irreversible");
                if !lock.contains_key("max_retention") {
                    lock.insert("min_retention".to_owned(), json!("1d"));
                }
            }
            Some("compliance") => {
                lock.insert("min_retention".to_owned(), json!("1d"));
                lock.insert("changeable_for".to_owned(), json!("30d"));
                lock.insert("compliance_lock_is_irreversible".to_owned(), json!(true));
            }
            _ => return json!({ "mode": "none" }),
        }
        lock.into()
    }

    fn rules(&mut self) -> Value {
        let mut rules = Map::new();
        for (index, key) in ["m", "n"].into_iter().enumerate() {
            if index > 0 && self.random.one_in(2) {
                continue;
            }
            let mut rule = self.table("plan.*.rule.*");
            // Kept for ever, a backup can't go into a locked vault; in cold storage it is kept for ninety days.
            let days = if rule.contains_key("move_to_cold_storage_after") { "125d" } else { "35d" };
            if rule.contains_key("move_to_cold_storage_after") || !rule.contains_key("delete_after") {
                rule.insert("delete_after".to_owned(), json!(days));
            }
            if rule.get("enable_continuous_backup") == Some(&json!(true)) {
                rule.shift_remove("move_to_cold_storage_after");
                rule.shift_remove("target_logically_air_gapped_backup_vault_arn");
                rule.insert("delete_after".to_owned(), json!("35d"));
            }
            if self.random.one_in(SPARSE) {
                rule.insert("name".to_owned(), json!(format!("rule-{key}")));
            }
            rules.insert(key.to_owned(), rule.into());
        }
        rules.into()
    }

    fn copies(&mut self) -> Value {
        let mut copy = self.table("plan.*.rule.*.copy_actions.*");
        copy.insert(
            "vault".to_owned(),
            json!(self.random.pick(&[
                "arn:aws:backup:us-west-2:123456789012:backup-vault:far",
                "arn:aws:backup:us-west-2:123456789012:backup-vault:away",
            ])),
        );
        if copy.contains_key("move_to_cold_storage_after") {
            copy.insert("delete_after".to_owned(), json!("125d"));
        }
        json!([copy])
    }

    fn selections(&mut self, table: &str) -> Value {
        let mut selections = Map::new();
        for key in ["x", "y"] {
            if self.random.one_in(2) {
                let mut selection = self.table(&format!("{table}.selection.*"));
                if self.random.one_in(SPARSE) {
                    selection.insert("name".to_owned(), json!(format!("selection_{key}")));
                }
                selections.insert(key.to_owned(), selection.into());
            }
        }
        selections.into()
    }

    fn matches(&mut self, table: &str) -> Value {
        let mut matches = self.table(table);
        if table.starts_with("restore_test") {
            // Tags or ARNs.
            if matches.shift_remove("arns").is_some() && matches.is_empty() {
                let arn = "arn:aws:ec2:ap-northeast-1:123456789012:instance/i-0123456789abcdef0";
                return json!({ "arns": [arn] });
            }
        }
        if !matches.keys().any(|key| ["all", "any", "arns"].contains(&key.as_str())) {
            matches.insert("all".to_owned(), json!({ "Vss": self.random.pick(&["on", "yes"]) }));
        }
        matches.into()
    }

    fn role(&mut self, key: &'static str) -> Value {
        let mut role = self.table("role.*");
        if !role.contains_key("preset") && !role.contains_key("trust") {
            role.insert("trust".to_owned(), trust("ec2.amazonaws.com"));
        }
        let preset = role.get("preset").and_then(Value::as_str).unwrap_or_default().to_owned();
        let trusts_ec2 =
            role.get("trust").map_or(preset != "backup-service", |trust| trust.to_string().contains("ec2"));
        if !trusts_ec2 && (preset.starts_with("vss") || role.contains_key("instance_profile")) {
            role.insert("instance_profile".to_owned(), json!(false));
        }
        let own = role.get("instance_profile").map_or(preset.starts_with("vss"), |profile| *profile == json!(true));
        if trusts_ec2 {
            self.names.carriers.push(key);
        }
        if trusts_ec2 && own {
            self.names.profiles.push(key);
        }
        if let Some(name) = role.get_mut("instance_profile").and_then(|profile| profile.get_mut("name")) {
            *name = json!(format!("Profile-{key}"));
        }
        role.insert("name".to_owned(), json!(format!("Role-{key}")));
        role.into()
    }

    fn package(&mut self, key: &str, bounds: Bounds) -> Value {
        let mut package = self.table("package.*");
        package.insert("package_name".to_owned(), json!("AwsVssComponents"));
        if package.contains_key("version") {
            package.shift_remove("minimum_version");
        }
        if package.get("action") == Some(&json!("Uninstall")) {
            for key in ["version", "minimum_version", "installation_type", "canary"] {
                package.shift_remove(key);
            }
        }
        if package.get("installation_type") == Some(&json!("In-place update")) {
            package.shift_remove("minimum_version");
            package.insert("version".to_owned(), json!("2.5.1"));
        }
        if !bounds.commands || !self.random.one_in(3) {
            let cron = package.contains_key("apply_only_at_cron_interval") || package.contains_key("schedule_offset");
            let schedule =
                if cron { "cron(0 2 ? * SUN *)" } else { *self.random.pick(&["rate(2 days)", "rate(3 days)"]) };
            package.insert("schedule".to_owned(), json!(schedule));
            if package.contains_key("schedule_offset") {
                package.insert("apply_only_at_cron_interval".to_owned(), json!(true));
            }
            if package.contains_key("output_s3_key_prefix") || package.contains_key("output_s3_region") {
                package.insert("output_s3_bucket".to_owned(), json!("bucket-a"));
            }
            if self.random.one_in(SPARSE) {
                package.insert("name".to_owned(), json!(format!("association-{key}")));
            }
        } else {
            // One Run Command has targets, a package and how many at a time.
            let of_command = [
                "package_name",
                "action",
                "installation_type",
                "version",
                "minimum_version",
                "additional_arguments",
                "targets",
                "max_concurrency",
                "max_errors",
                "canary",
                "wait",
            ];
            package.retain(|key, _| of_command.contains(&key.as_str()));
        }
        package.into()
    }
}

/// Makes a file. Where keys of an entry exclude each other, some of them are taken out again.
pub(crate) fn file(random: &mut Random, bounds: Bounds) -> Written {
    let mut maker = Maker { random, names: Names::default() };
    let mut file = Map::new();
    let mut stack = json!({ "name": "bench", "account_id": "123456789012", "region": "ap-northeast-1" });
    for (key, value) in [("max_deletions", json!(100)), ("max_deletion_percent", json!(100)), ("iam_path", json!("/"))]
    {
        if maker.random.one_in(SPARSE) {
            stack[key] = value;
        }
    }
    file.insert("stack".to_owned(), stack);
    if maker.random.one_in(2) {
        file.insert("tags".to_owned(), json!({ "team": maker.random.pick(&["a", "b"]) }));
    }
    maker.names.policies = ["p", "q"].into_iter().filter(|_| maker.random.one_in(2)).collect();
    maker.names.vaults = ["v", "w"].into_iter().filter(|_| maker.random.one_in(2)).collect();
    maker.names.roles = vec!["backup"];
    let mut section = |name: &str, entries: Map<String, Value>| {
        if !entries.is_empty() {
            file.insert(name.to_owned(), entries.into());
        }
    };
    let mut policies = Map::new();
    for key in maker.names.policies.clone() {
        let mut policy = maker.table("policy.*");
        policy.insert("name".to_owned(), json!(format!("Policy-{key}")));
        policies.insert(key.to_owned(), policy.into());
    }
    section("policy", policies);
    let mut roles = Map::from_iter([("backup".to_owned(), json!({ "name": "Backup", "preset": "backup-service" }))]);
    for key in ["a", "b", "c"] {
        if maker.random.one_in(2) {
            roles.insert(key.to_owned(), maker.role(key));
            maker.names.roles.push(key);
        }
    }
    section("role", roles);
    if maker.random.one_in(3) && !maker.names.carriers.is_empty() {
        let mut profile = maker.table("instance_profile.*");
        profile.insert("name".to_owned(), json!("Profile-z"));
        section("instance_profile", Map::from_iter([("z".to_owned(), profile.into())]));
    }
    if maker.random.one_in(2) && !maker.names.profiles.is_empty() {
        section("attachment", Map::from_iter([("g".to_owned(), maker.table("attachment.*").into())]));
    }
    backups(&mut maker, bounds, &mut section);
    accepted(Value::Object(file), maker.random)
}

/// Adds vaults, plans, restore tests, packages and the settings of the region.
fn backups(maker: &mut Maker<'_>, bounds: Bounds, section: &mut impl FnMut(&str, Map<String, Value>)) {
    let mut vaults = Map::new();
    for key in maker.names.vaults.clone() {
        let mut vault = maker.table("vault.*");
        vault.insert("name".to_owned(), json!(format!("vault-{key}")));
        vaults.insert(key.to_owned(), vault.into());
    }
    section("vault", vaults);
    let mut plans = Map::new();
    for key in ["d", "e"] {
        if !maker.names.vaults.is_empty() && maker.random.one_in(2) {
            let mut plan = maker.table("plan.*");
            plan.insert("rule".to_owned(), maker.rules());
            plan.insert("selection".to_owned(), maker.selections("plan.*"));
            let name = if maker.random.one_in(5) { "other" } else { "plan" };
            plan.insert("name".to_owned(), json!(format!("{name}-{key}")));
            plans.insert(key.to_owned(), plan.into());
        }
    }
    section("plan", plans);
    if maker.random.one_in(3) {
        let mut test = maker.table("restore_test.*");
        test.insert("selection".to_owned(), maker.selections("restore_test.*"));
        for key in ["schedule", "recovery_point_selection"] {
            if let Some(value) = maker.nested("restore_test.*", key) {
                test.insert(key.to_owned(), value);
            }
        }
        test.insert("name".to_owned(), json!("tests_r"));
        section("restore_test", Map::from_iter([("r".to_owned(), test.into())]));
    }
    let mut packages = Map::new();
    for key in ["s", "t"] {
        if maker.random.one_in(3) {
            packages.insert(key.to_owned(), maker.package(key, bounds));
        }
    }
    agree(&mut packages);
    section("package", packages);
    if maker.random.one_in(4) {
        section("region_settings", maker.table("region_settings"));
    }
}

/// What decides which version a package's instances have, and what goes only with some of that.
const AGREED: [&str; 5] = ["action", "version", "minimum_version", "installation_type", "canary"];

/// Lets two packages whose targets have a value of one key in common do the same: else the file is refused. Where only
/// the instances tell that both mean one, the plan has to.
fn agree(packages: &mut Map<String, Value>) {
    let [Some(first), Some(second)] = ["s", "t"].map(|key| packages.get(key).cloned()) else { return };
    let values = |targets: &Value| -> BTreeSet<String> {
        let of = targets.as_object().into_iter().flatten();
        let of = of.flat_map(|(key, values)| match values {
            Value::Object(tags) => tags.values().cloned().collect::<Vec<_>>(),
            other => vec![json!([key, other])],
        });
        of.flat_map(|values| values.as_array().cloned().unwrap_or_default()).map(|value| value.to_string()).collect()
    };
    if values(&first["targets"]).is_disjoint(&values(&second["targets"])) {
        return;
    }
    let Some(second) = packages.get_mut("t").and_then(Value::as_object_mut) else { return };
    for key in AGREED {
        second.shift_remove(key);
        if let Some(value) = first.get(key) {
            second.insert(key.to_owned(), value.clone());
        }
    }
}

/// Takes out what an entry may not have beside its other keys: one optional key after the other, until the file is
/// accepted.
fn accepted(mut file: Value, random: &mut Random) -> Written {
    loop {
        let written = Written::new(file.clone());
        let loaded = vssctl::config::load_text("vss.toml", &written.text, None);
        let Some(problem) = loaded.diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Error) else {
            return written;
        };
        if problem.code == "VSS0620" {
            // Two packages disagree, and either may be the wrong one.
            for key in AGREED {
                super::coverage::note_repair("package.*", key);
                take_out(&mut file, &["package", "*"], key);
            }
            continue;
        }
        let address = problem.address.as_ref().map(ToString::to_string).unwrap_or_default();
        let steps: Vec<&str> = address.split('.').collect();
        let entry = match steps.as_slice() {
            ["selection", plan, name] => vec!["plan", *plan, "selection", *name],
            [kind, name, ..] => vec![*kind, *name],
            _ => Vec::new(),
        };
        let mut present = optional(&file, &entry);
        if present.is_empty() {
            // The entry follows from another one.
            present = optional(&file, &[]);
        }
        assert!(!present.is_empty(), "{problem:?}\n{}", written.text);
        // A key that the problem names goes first.
        let said = format!("{problem:?}");
        let named: Vec<_> = present.iter().filter(|(_, _, key)| said.contains(&format!("`{key}`"))).cloned().collect();
        let (way, table, key) = random.pick(if named.is_empty() { &present } else { &named }).clone();
        super::coverage::note_repair(&table, &key);
        take_out(&mut file, &way, &key);
    }
}

/// The optional keys that are there within an entry: the way to each, its table and its name.
fn optional<'a>(file: &Value, entry: &[&'a str]) -> Vec<(Vec<&'a str>, String, String)> {
    let stays = [
        "name",
        "match",
        "all",
        "any",
        "arns",
        "trust",
        "preset",
        "targets",
        "schedule",
        "recovery_point_selection",
        "package_name",
        "rule",
    ];
    let mut present = Vec::new();
    for table in schema::TABLES.into_iter().filter(|table| *table != "stack") {
        let steps: Vec<&str> = table.split('.').collect();
        let is_within = steps.iter().zip(entry).all(|(step, at)| *step == "*" || step == at);
        let way: Vec<&str> = steps.iter().enumerate().map(|(at, step)| *entry.get(at).unwrap_or(step)).collect();
        if !is_within || steps.len() < entry.len() {
            continue;
        }
        // Without its one key, a table of targets means nothing.
        if table.ends_with(".targets") {
            continue;
        }
        for (key, required) in schema::keys(table) {
            if !required && !stays.contains(&key.as_str()) && has(file, &way, &key) {
                present.push((way.clone(), table.to_owned(), key));
            }
        }
    }
    present
}

fn has(value: &Value, way: &[&str], key: &str) -> bool {
    match way {
        [] => value.get(key).is_some(),
        ["*", rest @ ..] => match value {
            Value::Object(members) => members.values().any(|value| has(value, rest, key)),
            Value::Array(items) => items.iter().any(|value| has(value, rest, key)),
            _ => false,
        },
        [name, rest @ ..] => value.get(*name).is_some_and(|value| has(value, rest, key)),
    }
}

fn take_out(value: &mut Value, way: &[&str], key: &str) {
    match way {
        [] => {
            value.as_object_mut().and_then(|members| members.shift_remove(key));
        }
        ["*", rest @ ..] => match value {
            Value::Object(members) => members.values_mut().for_each(|value| take_out(value, rest, key)),
            Value::Array(items) => items.iter_mut().for_each(|value| take_out(value, rest, key)),
            _ => {}
        },
        [name, rest @ ..] => {
            if let Some(value) = value.get_mut(*name) {
                take_out(value, rest, key);
            }
        }
    }
}
