//! `[[instance]]`: a row for one instance or for many that are alike.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::MOST;
use super::reader::{Reader, is_name, is_profile, is_state, is_type, is_version};
use crate::model::scope::partition_of;
use crate::sandbox::fleet::{Ailment, Instance, PackageChange, Platform};
use crate::sandbox::made;

/// How long ago an instance was launched whose row does not say it, in milliseconds.
const LAUNCHED: i64 = 400 * 24 * 3_600_000;

/// The systems by their names in a file, each with the name and version that Systems Manager shows.
const SYSTEMS: [(&str, Platform, &str, &str); 10] = [
    ("2008R2", Platform::Windows, "Microsoft Windows Server 2008 R2 Standard", "6.1.7601"),
    ("2012", Platform::Windows, "Microsoft Windows Server 2012 Standard", "6.2.9200"),
    ("2012R2", Platform::Windows, "Microsoft Windows Server 2012 R2 Standard", "6.3.9600"),
    ("2016", Platform::Windows, "Microsoft Windows Server 2016 Datacenter", "10.0.14393"),
    ("2019", Platform::Windows, "Microsoft Windows Server 2019 Datacenter", "10.0.17763"),
    ("2022", Platform::Windows, "Microsoft Windows Server 2022 Datacenter", "10.0.20348"),
    ("2025", Platform::Windows, "Microsoft Windows Server 2025 Datacenter", "10.0.26100"),
    ("windows-10", Platform::Windows, "Microsoft Windows 10 Pro", "10.0.19045"),
    ("windows-11", Platform::Windows, "Microsoft Windows 11 Pro", "10.0.22631"),
    ("linux", Platform::Linux, "Amazon Linux", "2023"),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    name: Spanned<String>,
    count: Option<Spanned<usize>>,
    os: Option<Spanned<String>>,
    #[serde(rename = "type")]
    instance_type: Option<Spanned<String>>,
    state: Option<Spanned<String>>,
    agent: Option<Spanned<String>>,
    silent: Option<Spanned<String>>,
    launched: Option<Spanned<String>>,
    package: Option<Spanned<String>>,
    installed: Option<Spanned<String>>,
    profile: Option<Spanned<String>>,
    #[serde(default)]
    ailments: BTreeSet<Ailment>,
    volumes: Option<Spanned<Vec<String>>>,
    volume_key: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

impl Reader<'_> {
    /// Reads all rows: their instances, and the key with which each of their volumes is encrypted.
    pub(super) fn instances<'a>(
        &mut self,
        rows: &'a [Spanned<Row>],
        account: &str,
        region: &str,
    ) -> (Vec<Instance>, Vec<(String, Option<&'a String>)>) {
        let mut instances: Vec<Instance> = Vec::new();
        let mut volume_keys = Vec::new();
        for row in rows {
            let made = self.row(row.get_ref(), account, region, instances.len());
            for instance in made {
                let volumes = instance.volumes.iter().map(|(_, volume)| volume.clone());
                volume_keys.extend(volumes.map(|volume| (volume, row.get_ref().volume_key.as_ref())));
                if instances.iter().any(|other| other.name == instance.name) {
                    let message = format!("there are two instances `{}`", instance.name);
                    self.problem(row.get_ref().name.span().start, message);
                }
                instances.push(instance);
            }
            if instances.len() > MOST {
                self.problem(row.span().start, format!("that is more than {MOST} instances"));
                break;
            }
        }
        (instances, volume_keys)
    }

    /// Makes the instances of a row; `before` is the number of instances of the rows before it.
    fn row(&mut self, row: &Row, account: &str, region: &str, before: usize) -> Vec<Instance> {
        let name = self.formed(Some(&row.name), is_name, "name of letters, digits and `-_.`").unwrap_or_default();
        let known: Vec<&str> = SYSTEMS.iter().map(|(name, ..)| *name).collect();
        let wanted = row.os.as_ref().map_or("2022", |os| os.get_ref());
        let Some((_, platform, os_name, os_version)) = SYSTEMS.iter().find(|(name, ..)| *name == wanted) else {
            let at = row.os.as_ref().map_or(0, |os| os.span().start);
            self.problem(at, format!("`{}` is no known system: one of {}", wanted.escape_debug(), known.join(", ")));
            return Vec::new();
        };
        let instance_type = self.formed(row.instance_type.as_ref(), is_type, "instance type such as `m6i.large`");
        let state = self.formed(row.state.as_ref(), is_state, "state: `running` or `stopped`");
        let agent = self.formed(row.agent.as_ref(), is_version, "version such as `3.3.1142.0`");
        let package = self.formed(row.package.as_ref(), is_version, "version such as `2.5.1`");
        let profile = self.formed(row.profile.as_ref(), is_profile, "name of an instance profile");
        let (silent, launched) = (self.ago(row.silent.as_ref()), self.ago(row.launched.as_ref()));
        let installed = self.ago(row.installed.as_ref());
        if let (Some(installed), None) = (&row.installed, &row.package) {
            self.problem(installed.span().start, "`installed` says when the `package` came, and there is none");
        }
        let count = row.count.as_ref().map_or(1, |count| *count.get_ref());
        if !(1..=MOST).contains(&count) {
            let at = row.count.as_ref().map_or(0, |count| count.span().start);
            self.problem(at, format!("`{count}` is not from 1 to {MOST}"));
            return Vec::new();
        }
        let devices = self.devices(row, *platform);
        let launched = self.now - launched.unwrap_or(LAUNCHED);
        let width = count.to_string().len();
        let make = |number: usize| {
            let name = if row.count.is_some() { format!("{name}-{number:0width$}") } else { name.clone() };
            let id = made::uuid_of(&format!("{account}/{region}/instance/{name}")).replace('-', "");
            let id = format!("i-0{}", &id[..16]);
            let place = before + number;
            let mut tags = row.tags.clone();
            tags.entry("Name".to_owned()).or_insert_with(|| name.clone());
            let change = package.clone().map(|version| PackageChange {
                package: "AwsVssComponents".to_owned(),
                version: Some(version),
                at: installed.map_or(launched, |ago| self.now - ago),
                by: "fleet".to_owned(),
            });
            Instance {
                platform: *platform,
                os_name: (*os_name).to_owned(),
                os_version: (*os_version).to_owned(),
                instance_type: instance_type.clone().unwrap_or_else(|| "m6i.large".to_owned()),
                agent_version: agent.clone().unwrap_or_else(|| "3.3.1142.0".to_owned()),
                silent_since: silent.map(|ago| self.now - ago),
                tags,
                instance_profile: profile
                    .as_ref()
                    .map(|profile| format!("arn:{}:iam::{account}:instance-profile/{profile}", partition_of(region))),
                ip_address: format!("10.{}.{}.{}", place / 62_500 % 250, place / 250 % 250, place % 250 + 4),
                computer_name: format!("{}.corp.example.com", name.to_uppercase()),
                launched,
                package_changes: change.into_iter().collect(),
                state: state.clone().unwrap_or_else(|| "running".to_owned()),
                volumes: devices.iter().map(|device| (device.clone(), volume(&id, device))).collect(),
                ailments: row.ailments.clone(),
                id,
                name,
            }
        };
        (1..=count).map(make).collect()
    }

    fn devices(&mut self, row: &Row, platform: Platform) -> Vec<String> {
        let usual = match platform {
            Platform::Windows => vec!["/dev/sda1".to_owned(), "xvdb".to_owned()],
            Platform::Linux => vec!["/dev/xvda".to_owned()],
        };
        let Some(given) = &row.volumes else { return usual };
        let names: BTreeSet<&String> = given.get_ref().iter().collect();
        if names.is_empty() || names.len() != given.get_ref().len() || names.len() > 128 {
            self.problem(given.span().start, "`volumes` lists 1 to 128 different device names, the root device first");
        }
        given.get_ref().clone()
    }
}

fn volume(instance: &str, device: &str) -> String {
    format!("vol-0{}", &made::uuid_of(&format!("{instance}{device}")).replace('-', "")[..16])
}
