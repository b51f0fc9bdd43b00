//! The version gate: may `AWSEC2VssSnapshotPolicy` take the place of an older policy, and does an installation still have
//! something to do? Pure: what was read about instances comes in, what follows from it goes out.
//!
//! The managed policy allows snapshots only with the tag `AwsVssConfig`, which AwsVssComponents sets from 2.3.1 on. Where an
//! older one works under a policy of the customer's own, the package comes first, then the policy, then the old one goes.
//! AWS pages: "AWS VSS solution version history", "Use an IAM managed policy to grant permissions for VSS based snapshots".
//!
//! What is known of a package, in the order of trust: the tag that it set on its last snapshot or image, what installing it
//! came to. The newest word counts; of two at one moment, the more trusted one. Nothing known is unknown, never older.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::version::{MANAGED_POLICY, Version, compare};
use crate::aws::AwsError;
use crate::kind::Fields;
use crate::model::{Address, Scope};
use crate::policy::{Decision, Keys, Policies, Request};

/// The package.
pub const PACKAGE: &str = "AwsVssComponents";
/// The managed policy that asks for its tag.
pub const POLICY: &str = "AWSEC2VssSnapshotPolicy";
/// The tag of a snapshot in which VSS worked.
const APP_CONSISTENT: &str = "AppConsistent";
/// The tag that the package sets from 2.3.1 on.
const VSS_CONFIG: &str = "AwsVssConfig";

/// What is known of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// This version.
    Version(Version),
    /// The newest one of that moment.
    Newest,
    /// This version or a later one.
    AtLeast(&'static str),
    /// Some version before this one.
    Before(&'static str),
    /// It is not there.
    Gone,
}

/// Where it is known from, the most trusted last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A run of `AWS-ConfigureAWSPackage` on the instance.
    Installation,
    /// The tags of a snapshot or an image.
    Backup,
}

/// One thing that is known about the package on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What.
    pub installed: Installed,
    /// Where from.
    pub source: Source,
    /// When it was so, in milliseconds since 1970.
    pub at: i64,
}

/// An instance, as far as the package on it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// `i-...`.
    pub id: String,
    /// Its tag `Name`.
    pub name: String,
    /// It runs Windows.
    pub windows: bool,
    /// It runs.
    pub running: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The name of the instance profile on it.
    pub profile: Option<String>,
    /// What is known of its package.
    pub package: Option<Word>,
}

/// What was read about instances.
#[derive(Clone, Debug, Default)]
pub enum Machines {
    /// Nothing in the file asks for it.
    #[default]
    NotRead,
    /// It could not be read.
    Unread(Box<AwsError>),
    /// All of them, terminated ones not included.
    Read(Vec<Machine>),
}

/// What the gate decides on.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The documents of the account's own managed policies, by ARN.
    pub documents: BTreeMap<String, Value>,
    /// The instances.
    pub machines: Machines,
    /// What of the packages' versions could not be read: a version may be unknown because of it.
    pub unread: Vec<AwsError>,
    /// The number of the next command ahead of the others, by package.
    pub attempts: BTreeMap<Address, u32>,
    /// Packages of which a command ahead of the others may be under way, and for how many seconds that is not known.
    pub unsettled: BTreeMap<Address, u64>,
}

impl Evidence {
    /// Returns the instances; none where they were not read.
    pub fn machines(&self) -> &[Machine] {
        match &self.machines {
            Machines::Read(machines) => machines,
            Machines::NotRead | Machines::Unread(_) => &[],
        }
    }
}

/// How the package of an instance stands to what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is as asked for.
    Right,
    /// It is known to be another one; which, in words such as `2.2.1`.
    Wrong(String),
    /// It is known not to be there.
    Gone,
    /// Nobody knows.
    Unknown,
}

/// What an entry asks of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// This version or a later one.
    From(&'a str),
    /// Exactly this one.
    Pinned(&'a str),
}

impl Machine {
    /// Returns the name with the id, as people look for it.
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.id.clone() } else { format!("{} ({})", self.name, self.id) }
    }

    /// Says how its package stands.
    pub fn standing(&self, wanted: Wanted<'_>) -> Standing {
        let Some(Word { installed, .. }) = &self.package else { return Standing::Unknown };
        match (installed, wanted) {
            (Installed::Gone, _) => Standing::Gone,
            (Installed::Version(version), Wanted::From(floor)) if !version.is_before(floor) => Standing::Right,
            (Installed::Version(version), Wanted::Pinned(pinned)) if compare(version.as_str(), pinned).is_eq() => {
                Standing::Right
            }
            (Installed::Version(version), _) => Standing::Wrong(version.to_string()),
            (Installed::Newest, Wanted::From(_)) => Standing::Right,
            (Installed::AtLeast(least), Wanted::From(floor)) if compare(least, floor).is_ge() => Standing::Right,
            (Installed::AtLeast(least), Wanted::Pinned(pinned)) if compare(pinned, least).is_lt() => {
                Standing::Wrong(format!("{least} or later"))
            }
            (Installed::Before(end), Wanted::From(version) | Wanted::Pinned(version))
                if compare(version, end).is_ge() =>
            {
                Standing::Wrong(format!("before {end}"))
            }
            (Installed::Newest | Installed::AtLeast(_) | Installed::Before(_), _) => Standing::Unknown,
        }
    }

    /// Tells whether SSM targets mean it: all keys must fit, of each key one value. Whom a resource group has, nobody here
    /// knows: it means none.
    pub fn is_meant(&self, targets: &Value) -> bool {
        let Some(targets) = targets.as_object().filter(|targets| !targets.is_empty()) else { return false };
        targets.iter().all(|(key, values)| {
            let any = |wanted: &str| values.as_array().into_iter().flatten().any(|value| value == wanted);
            match key.split_once(':') {
                Some(("tag", name)) => self.tags.get(name).is_some_and(|value| any(value)),
                _ if key == "tag-key" => self.tags.keys().any(|name| any(name)),
                _ if key.eq_ignore_ascii_case("InstanceIds") => any("*") || any(&self.id),
                _ => false,
            }
        })
    }
}

/// Chooses what to believe: the newest word, of two at one moment the more trusted one.
pub fn believed(words: impl IntoIterator<Item = Word>) -> Option<Word> {
    words.into_iter().max_by_key(|word| (word.at, word.source))
}

/// Says what the tags of a snapshot or an image tell about the package that made it. One that says it is consistent and
/// lacks the tag of 2.3.1 was made by an older one.
pub fn of_backup(tags: &BTreeMap<String, String>) -> Option<Installed> {
    if let Some(value) = tags.get(VSS_CONFIG) {
        return Some(Version::in_tag(value).map_or(Installed::AtLeast(MANAGED_POLICY), Installed::Version));
    }
    let is_consistent = tags.get(APP_CONSISTENT).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    is_consistent.then_some(Installed::Before(MANAGED_POLICY))
}

/// Says what the output of a successful run of `AWS-ConfigureAWSPackage` tells about the package.
pub fn of_output(output: &str) -> Option<Installed> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"Successfully (un)?installed AwsVssComponents (\d[\d.]*)|AwsVssComponents (\d[\d.]*) is already installed|AwsVssComponents is not (installed)")
            .expect("the pattern is fixed")
    });
    let last = PATTERN.captures_iter(output).last()?;
    if last.get(1).is_some() || last.get(4).is_some() {
        return Some(Installed::Gone);
    }
    let version = last.get(2).or_else(|| last.get(3))?.as_str().trim_end_matches('.');
    Some(Installed::Version(Version::new(version)))
}

/// Says what an association that succeeded on an instance tells. AWS gives out 2.3.1 or later as the newest since March
/// 2024.
pub fn of_association(parameters: &Value) -> Option<Installed> {
    let first = |name: &str| parameters[name][0].as_str().unwrap_or_default();
    if !is_package(first("name")) {
        return None;
    }
    match (first("action"), first("version")) {
        ("Install", "" | "latest") => Some(Installed::Newest),
        ("Install", version) => Some(Installed::Version(Version::new(version))),
        ("Uninstall", _) => Some(Installed::Gone),
        _ => None,
    }
}

/// Tells whether a Distributor name, or its ARN, is the package's.
pub fn is_package(name: &str) -> bool {
    name == PACKAGE || name.ends_with(&format!("package/{PACKAGE}"))
}

/// What a package's entry asks of the version on an instance; nothing where any version will do.
pub fn wanted<'a>(fields: &'a Fields, options: &'a Fields) -> Option<Wanted<'a>> {
    let text = |map: &'a Fields, name: &str| map.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text(fields, "version").map(Wanted::Pinned).or_else(|| text(options, "minimum_version").map(Wanted::From))
}

/// The policies of a role, before or after a change.
#[derive(Clone, Debug, Default)]
pub struct Powers {
    documents: Vec<Value>,
    managed: Vec<String>,
}

impl Powers {
    /// Gathers them: documents of its own, and ARNs of managed policies with the documents of the account's own ones.
    pub fn new<'a>(
        inline: &Value,
        managed: impl IntoIterator<Item = &'a str>,
        documents: &BTreeMap<String, Value>,
    ) -> Self {
        let managed: Vec<String> = managed.into_iter().map(str::to_owned).collect();
        let own = inline.as_object().into_iter().flatten().map(|(_, document)| document.clone());
        let attached = managed.iter().filter_map(|arn| documents.get(arn).cloned());
        Self { documents: own.chain(attached).collect(), managed }
    }

    /// Tells whether packages before 2.3.1 can take snapshots: without the tag that later ones set.
    pub fn serve_older(&self, scope: &Scope) -> bool {
        // AWS's own policies that allow all of EC2.
        let all = ["AdministratorAccess", "PowerUserAccess", "AmazonEC2FullAccess"];
        let is_attached = |name: &&str| self.managed.iter().any(|arn| arn.ends_with(&format!(":policy/{name}")));
        all.iter().any(is_attached) || self.documents_serve_older(scope)
    }

    /// Tells whether the managed policy is among them.
    pub fn have_managed_policy(&self) -> bool {
        self.managed.iter().any(|arn| arn.ends_with(&format!(":policy/{POLICY}")))
    }

    fn documents_serve_older(&self, scope: &Scope) -> bool {
        // A document that can't be evaluated counts as one that is not there.
        let readable: Vec<Value> =
            self.documents.iter().filter(|one| Policies::new(std::slice::from_ref(*one)).is_ok()).cloned().collect();
        let Ok(policies) = Policies::new(&readable) else { return false };
        let (partition, region) = (scope.partition(), scope.region.as_str());
        let arn = |account: &str, resource: &str| format!("arn:{partition}:ec2:{region}:{account}:{resource}");
        let instance = arn(&scope.account_id, "instance/i-00000000000000000");
        let allows = |action: &str, resources: &[String]| {
            resources.iter().all(|resource| {
                let keys = Keys::default().with("ec2:SourceInstanceARN", instance.as_str());
                let request = Request { action: action.to_owned(), resource: resource.clone(), keys };
                policies.decide(&request) == Decision::Allowed
            })
        };
        let (snapshot, volume) = (arn("", "snapshot/snap-0"), arn(&scope.account_id, "volume/vol-0"));
        let image = arn("", "image/ami-0");
        allows("ec2:CreateSnapshot", &[snapshot.clone(), volume.clone()])
            || allows("ec2:CreateSnapshots", &[snapshot.clone(), volume, instance.clone()])
            || allows("ec2:CreateImage", &[image, snapshot, instance.clone()])
    }
}

/// Tells whether a change takes away what older packages need and gives what newer ones need.
pub fn swaps(before: &Powers, after: &Powers, scope: &Scope) -> bool {
    after.have_managed_policy() && before.serve_older(scope) && !after.serve_older(scope)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        Scope {
            stack: "s".into(),
            account_id: "123456789012".into(),
            region: "ap-northeast-1".into(),
            iam_path: "/".into(),
        }
    }

    fn powers(inline: &Value, managed: &[&str]) -> Powers {
        let arns: Vec<String> = managed.iter().map(|name| format!("arn:aws:iam::aws:policy/{name}")).collect();
        Powers::new(&json!({ "x": inline }), arns.iter().map(String::as_str), &BTreeMap::new())
    }

    /// The policy of AWS's guide of 2023.
    fn legacy() -> Value {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "ec2:CreateTags",
              "Resource": ["arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*::image/*"] },
            { "Effect": "Allow", "Resource": "*", "Action": ["ec2:DescribeInstances", "ec2:CreateSnapshot",
              "ec2:CreateImage", "ec2:DescribeImages", "ec2:DescribeSnapshots"] },
        ]})
    }

    fn tagged_only() -> Value {
        json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": ["ec2:CreateImage", "ec2:CreateSnapshots"], "Resource": "*",
            "Condition": { "StringLike": { "aws:RequestTag/AwsVssConfig": "*" } },
        }})
    }

    fn machine(installed: Installed) -> Machine {
        let package = Some(Word { installed, source: Source::Installation, at: 0 });
        Machine { id: "i-1".into(), package, ..Machine::default() }
    }

    #[test]
    fn an_older_policy_is_known_by_what_it_allows() {
        let none = json!({ "Version": "2012-10-17", "Statement": [] });
        assert!(powers(&legacy(), &[]).serve_older(&scope()));
        assert!(powers(&none, &["AmazonEC2FullAccess"]).serve_older(&scope()));
        assert!(!powers(&tagged_only(), &[POLICY]).serve_older(&scope()));
        assert!(!powers(&json!("no policy"), &[]).serve_older(&scope()));
    }

    #[test]
    fn the_managed_policy_in_place_of_an_older_one_is_a_swap_and_beside_it_is_none() {
        let (older, both) = (powers(&legacy(), &[]), powers(&legacy(), &[POLICY]));
        let newer = powers(&tagged_only(), &[POLICY]);
        assert!(swaps(&older, &newer, &scope()) && swaps(&both, &newer, &scope()));
        assert!(!swaps(&older, &both, &scope()) && !swaps(&newer, &newer, &scope()));
    }

    #[test]
    fn a_backup_tells_the_version_and_one_without_the_tag_tells_that_it_is_older() {
        let tags = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let config = ("AwsVssConfig", "AwsVssComponents 2.4.0 {5b0f3a10}");
        assert_eq!(
            of_backup(&tags(&[config, ("AppConsistent", "True")])),
            Some(Installed::Version(Version::new("2.4.0")))
        );
        assert_eq!(of_backup(&tags(&[("AppConsistent", "true")])), Some(Installed::Before("2.3.1")));
        assert_eq!(of_backup(&tags(&[("AppConsistent", "false")])), None);
    }

    #[test]
    fn the_output_of_an_installation_tells_what_is_there_afterwards() {
        let changed = "Initiating AwsVssComponents 2.2.1 uninstall\nSuccessfully uninstalled AwsVssComponents 2.2.1\n\
                       Initiating AwsVssComponents 2.5.1 install\nSuccessfully installed AwsVssComponents 2.5.1";
        for (output, expected) in [
            (changed, Some(Installed::Version(Version::new("2.5.1")))),
            ("AwsVssComponents 2.5.1 is already installed", Some(Installed::Version(Version::new("2.5.1")))),
            ("Successfully uninstalled AwsVssComponents 2.2.1", Some(Installed::Gone)),
            ("AwsVssComponents is not installed", Some(Installed::Gone)),
            ("Successfully installed AmazonCloudWatchAgent 1.3", None),
        ] {
            assert_eq!(of_output(output), expected, "{output}");
        }
    }

    #[test]
    fn nothing_known_is_unknown_and_never_older() {
        assert_eq!(Machine::default().standing(Wanted::From("2.3.1")), Standing::Unknown);
        let older = machine(Installed::Before("2.3.1"));
        assert_eq!(older.standing(Wanted::From("2.3.1")), Standing::Wrong("before 2.3.1".into()));
        assert_eq!(older.standing(Wanted::From("2.1.0")), Standing::Unknown);
        assert_eq!(machine(Installed::Newest).standing(Wanted::Pinned("2.5.1")), Standing::Unknown);
        assert_eq!(machine(Installed::AtLeast("2.3.1")).standing(Wanted::From("2.3.1")), Standing::Right);
        assert_eq!(machine(Installed::AtLeast("2.3.1")).standing(Wanted::From("2.5.0")), Standing::Unknown);
        let version = machine(Installed::Version(Version::new("2.5.1")));
        assert_eq!(version.standing(Wanted::Pinned("2.4.0")), Standing::Wrong("2.5.1".into()));
    }

    #[test]
    fn the_newest_word_counts_and_of_two_the_more_trusted_one() {
        let word =
            |version: &str, source, at| Word { installed: Installed::Version(Version::new(version)), source, at };
        let (tag, run) = (word("2.3.1", Source::Backup, 10), word("2.5.1", Source::Installation, 20));
        assert_eq!(believed([tag.clone(), run.clone()]), Some(run));
        let same = word("2.5.1", Source::Installation, 10);
        assert_eq!(believed([same, tag.clone()]), Some(tag));
    }

    #[test]
    fn targets_mean_an_instance_if_all_keys_fit() {
        let tags = BTreeMap::from([("VssBackup".to_owned(), "enabled".to_owned())]);
        let machine = Machine { id: "i-1".into(), tags, ..Machine::default() };
        assert!(machine.is_meant(&json!({ "tag:VssBackup": ["enabled", "on"] })));
        assert!(machine.is_meant(&json!({ "InstanceIds": ["*"] })));
        assert!(!machine.is_meant(&json!({ "tag:VssBackup": ["enabled"], "tag:tier": ["1"] })));
        assert!(!machine.is_meant(&json!({ "resource-groups:Name": ["x"] })) && !machine.is_meant(&json!({})));
    }
}
