//! AWS's partitions and regions, from the data that AWS's own SDKs ship: which region is in which partition, and under
//! which names its services are reached. No other module keeps a list of regions, partitions or host names.
//!
//! `partitions.json` is that of `aws-sdk-iam` 1.133.0, taken on 2026-11-30: the clients of this program find their
//! endpoints by the same data. AWS adds regions between two versions of it, so that a region that is not listed is no
//! error: it is in the partition whose regions are named like it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

/// A part of AWS with accounts, regions and host names of its own.
#[derive(Debug)]
pub struct Partition {
    /// The name in ARNs, such as `aws-cn`.
    pub name: String,
    /// What the names of its hosts end with, such as `amazonaws.com.cn`.
    pub dns_suffix: String,
    /// The same for hosts that speak IPv6 too.
    pub dual_stack_suffix: String,
    /// The region of the services that have one endpoint for all regions.
    global_region: String,
    /// The names that its regions have and will have.
    form: Regex,
    /// The regions that the data lists, sorted.
    regions: Vec<String>,
    /// What the data calls its regions, such as `Asia Pacific (Tokyo)`, in small letters.
    titles: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct ListedRegion {
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct Listed {
    partitions: Vec<ListedPartition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedPartition {
    id: String,
    outputs: Outputs,
    region_regex: String,
    regions: BTreeMap<String, ListedRegion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outputs {
    dns_suffix: String,
    dual_stack_dns_suffix: String,
    implicit_global_region: String,
}

static ALL: LazyLock<Vec<Partition>> = LazyLock::new(|| {
    let listed: Listed = serde_json::from_str(include_str!("partitions.json")).expect("the data is AWS's own");
    let made = listed.partitions.into_iter().map(|one| Partition {
        form: Regex::new(&one.region_regex).expect("the data is AWS's own"),
        titles: one.regions.iter().map(|(name, it)| (it.description.to_lowercase(), name.clone())).collect(),
        // `aws-global` and its like stand for services without a region.
        regions: one.regions.into_keys().filter(|region| !region.ends_with("-global")).collect(),
        dns_suffix: one.outputs.dns_suffix,
        dual_stack_suffix: one.outputs.dual_stack_dns_suffix,
        global_region: one.outputs.implicit_global_region,
        name: one.id,
    });
    made.collect()
});

/// Lists the partitions; `aws` is the first.
pub fn all() -> &'static [Partition] {
    &ALL
}

impl Partition {
    /// Finds the partition of a region: the one that lists it, else the one whose regions have names of its form or
    /// begin like it, else `aws`, as AWS's SDKs do.
    pub fn of(region: &str) -> &'static Self {
        let area = region.split('-').next().unwrap_or_default();
        let begins = |one: &&Self| one.regions.iter().any(|known| known.split('-').next() == Some(area));
        ALL.iter()
            .find(|one| one.lists(region))
            .or_else(|| ALL.iter().find(|one| one.form.is_match(region)))
            .or_else(|| ALL.iter().find(begins))
            .unwrap_or_else(|| &ALL[0])
    }

    /// Finds a partition by its name in ARNs.
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|one| one.name == name)
    }

    fn lists(&self, region: &str) -> bool {
        self.regions.binary_search_by(|known| known.as_str().cmp(region)).is_ok()
    }

    /// Returns the region of IAM: of its endpoint, and where the Tagging API lists what IAM has.
    pub fn iam_region(&self) -> &str {
        // China's data names Ningxia for services without a region, and IAM answers in Beijing.
        // https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html
        if self.name == "aws-cn" { "cn-north-1" } else { &self.global_region }
    }

    /// Returns the names under which policies of this partition mean a service, such as `ec2`. Most services have the
    /// name `ec2.amazonaws.com` everywhere; those of some partitions have had one of their own as well.
    pub fn principals(&self, service: &str) -> Vec<String> {
        let mut names = vec![format!("{service}.amazonaws.com")];
        if self.dns_suffix != "amazonaws.com" {
            names.push(format!("{service}.{}", self.dns_suffix));
        }
        names
    }
}

/// Tells whether AWS's data lists a region.
pub fn is_listed(region: &str) -> bool {
    ALL.iter().any(|one| one.lists(region))
}

/// Finds the listed region that was probably meant: by its name, its availability zone or its place (`Tokyo`).
pub fn nearest(region: &str) -> &'static str {
    let written = region.trim().to_lowercase();
    if let Some(meant) = by_another_name(&written) {
        return meant;
    }
    let region = written.as_str();
    let known = ALL.iter().flat_map(|one| &one.regions);
    let likeness = |known: &str| {
        // A whole word of the name in common says more than letters: `sa-west-1` is meant to be in South America.
        let words = |text: &str| text.split('-').map(str::to_owned).collect::<Vec<_>>();
        let (left, right) = (words(region), words(known));
        let same = left.iter().zip(&right).filter(|(left, right)| left == right).count();
        let begins = f64::from(u8::from(left.first() == right.first() || left.concat() == right.concat()));
        strsim::jaro_winkler(region, known) + 0.2 * f64::from(u8::try_from(same).unwrap_or(u8::MAX)) + 0.5 * begins
    };
    let best = known.max_by(|left, right| likeness(left).total_cmp(&likeness(right)).then_with(|| right.cmp(left)));
    best.map_or("us-east-1", String::as_str)
}

/// Finds the region of an availability zone, of a place, or of a partition's services without a region.
fn by_another_name(written: &str) -> Option<&'static str> {
    let zone = written.strip_suffix(|letter: char| letter.is_ascii_lowercase());
    let mut known = ALL.iter().flat_map(|one| &one.regions);
    if let Some(region) = known.find(|region| *region == written || zone == Some(region.as_str())) {
        return Some(region);
    }
    if let Some(partition) = ALL.iter().find(|one| written.strip_suffix("-global") == Some(one.name.as_str())) {
        return Some(&partition.global_region);
    }
    let is_place = |(title, _): &&(String, String)| {
        let place = title.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        title == written || place.is_some_and(|place| place.trim_start_matches("n. ") == written)
    };
    ALL.iter().flat_map(|one| &one.titles).find(is_place).map(|(_, region)| region.as_str())
}

/// Tells whether a host belongs to one of the services that this program calls: `SERVICE.SUFFIX`,
/// `SERVICE.REGION.SUFFIX`, its variants for FIPS and IPv6, or an interface endpoint of a VPC. Other names under the
/// same suffixes are customers' own: `*.execute-api.*`, `*.lambda-url.*`, buckets, load balancers.
pub fn is_service_host(host: &str) -> bool {
    const SERVICES: [&str; 7] = ["iam", "sts", "backup", "ssm", "ec2", "kms", "tagging"];
    let host = host.to_ascii_lowercase();
    let of_suffix = |suffix: &str| {
        let Some(labels) = host.strip_suffix(suffix).and_then(|front| front.strip_suffix('.')) else { return false };
        let mut labels: Vec<&str> = labels.split('.').collect();
        if labels.last() == Some(&"vpce") {
            labels.pop();
            if labels.first().is_none_or(|label| !label.starts_with("vpce-")) {
                return false;
            }
            labels.remove(0);
        }
        // IAM Identity Center, which gives credentials.
        let is_portal = labels.len() == 3 && labels[..2] == ["portal", "sso"];
        let [service, place @ ..] = (if is_portal { &labels[1..] } else { &labels[..] }) else { return false };
        let service = service.strip_suffix("-fips").unwrap_or(service);
        let is_service = SERVICES.contains(&service) || (is_portal && service == "sso") || service == "oidc";
        let is_place = match place {
            [] => true,
            [one] => *one == "global" || *one == "us-gov" || super::arn::is_region(one),
            [_, _, ..] => false,
        };
        is_service && is_place
    };
    ALL.iter().any(|one| of_suffix(&one.dns_suffix) || of_suffix(&one.dual_stack_suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_is_in_the_partition_that_lists_it_and_a_new_one_in_the_one_that_names_like_it() {
        for partition in all() {
            assert!(!partition.regions.is_empty() && partition.regions.is_sorted(), "{partition:?}");
            for region in &partition.regions {
                assert_eq!(Partition::of(region).name, partition.name, "{region}");
                assert!(super::super::arn::is_region(region), "{region}");
            }
            assert!(partition.lists(partition.iam_region()), "{partition:?}");
        }
        for (region, partition) in [
            ("ap-northeast-9", "aws"),
            ("nz-north-1", "aws"),
            ("cn-south-1", "aws-cn"),
            ("us-gov-north-1", "aws-us-gov"),
            ("eusc-de-west-1", "aws-eusc"),
            ("eusc-fr-west-1", "aws-eusc"),
            ("us-iso-south-1", "aws-iso"),
            ("us-isob-south-1", "aws-iso-b"),
            ("eu-isoe-east-1", "aws-iso-e"),
            ("us-isof-west-1", "aws-iso-f"),
        ] {
            assert!(!is_listed(region), "{region}");
            assert_eq!(Partition::of(region).name, partition, "{region}");
        }
    }

    #[test]
    fn a_region_that_is_not_listed_has_a_neighbour() {
        for (region, near) in [
            ("sa-west-1", "sa-east-1"),
            ("sa-east-2", "sa-east-1"),
            ("ap-norteast-1", "ap-northeast-1"),
            ("ap-northeast-9", "ap-northeast-1"),
            ("eu-wset-1", "eu-west-1"),
            ("eu-west-9", "eu-west-1"),
            ("us-east-11", "us-east-1"),
            ("usgov-west-1", "us-gov-west-1"),
            ("cn-nort-1", "cn-north-1"),
            ("eusc-de-west-1", "eusc-de-east-1"),
            ("US-EAST-1", "us-east-1"),
            ("us-east-1a", "us-east-1"),
            ("eu-central", "eu-central-1"),
            ("Tokyo", "ap-northeast-1"),
            ("frankfurt", "eu-central-1"),
            ("Virginia", "us-east-1"),
            ("Asia Pacific (Osaka)", "ap-northeast-3"),
            ("aws-global", "us-east-1"),
            ("aws-us-gov-global", "us-gov-west-1"),
        ] {
            assert_eq!(nearest(region), near, "{region}");
        }
    }

    #[test]
    fn hosts_of_services_are_told_from_those_of_customers() {
        for host in [
            "iam.amazonaws.com",
            "sts.ap-northeast-1.amazonaws.com",
            "ssm-fips.us-east-1.amazonaws.com",
            "backup.cn-north-1.amazonaws.com.cn",
            "ec2.eu-west-1.api.aws",
            "iam.global.api.aws",
            "iam.us-gov.amazonaws.com",
            "sts.eusc-de-east-1.amazonaws.eu",
            "iam.us-iso-east-1.c2s.ic.gov",
            "kms.us-isob-east-1.sc2s.sgov.gov",
            "portal.sso.us-east-1.amazonaws.com",
            "oidc.us-east-1.amazonaws.com",
            "vpce-0123-abc.ssm.ap-northeast-1.vpce.amazonaws.com",
            "vpce-0123-abc-ap-northeast-1a.ssm.ap-northeast-1.vpce.amazonaws.com",
        ] {
            assert!(is_service_host(host), "{host}");
        }
        for host in [
            "abc123.execute-api.us-east-1.amazonaws.com",
            "abc123.lambda-url.us-east-1.on.aws",
            "bucket.s3.amazonaws.com",
            "iam.s3.amazonaws.com",
            "iam.s3.us-east-1.amazonaws.com",
            "sts.us-east-1.elb.amazonaws.com",
            "iam.us-east-1.vpce.amazonaws.com",
            "evil.iam.us-east-1.amazonaws.com",
            "s3.us-east-1.amazonaws.com",
            "iam.amazonaws.com.example.org",
            "iamamazonaws.com",
            "amazonaws.com",
            ".amazonaws.com",
            "iam.amazonaws.eu.com",
        ] {
            assert!(!is_service_host(host), "{host}");
        }
    }
}
