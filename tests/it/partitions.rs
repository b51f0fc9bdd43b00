//! Every partition of AWS: ARNs, hosts and permissions are those of the file's region, and a region that nobody knows is
//! told without standing in the way.

use serde_json::Value;

use crate::harness::{MAIN_JOB, Place};

/// A listed region of each partition.
const REGIONS: [(&str, &str); 9] = [
    ("aws", "ap-northeast-1"),
    ("aws", "mx-central-1"),
    ("aws-cn", "cn-northwest-1"),
    ("aws-us-gov", "us-gov-east-1"),
    ("aws-eusc", "eusc-de-east-1"),
    ("aws-iso", "us-iso-west-1"),
    ("aws-iso-b", "us-isob-east-1"),
    ("aws-iso-e", "eu-isoe-west-1"),
    ("aws-iso-f", "us-isof-south-1"),
];

fn in_region(region: &str) -> Place {
    let attachment = "[attachment.windows]\ninstance_profile = \"EC2RoleforSSMVSSSnapshotV2\"\n\
                      targets = { tags = { VssBackup = \"enabled\" } }\n";
    Place::with(&format!("{}\n{attachment}", MAIN_JOB.replace("ap-northeast-1", region)))
}

/// The partitions of all ARNs in a value.
fn partitions(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> =
        text.match_indices("arn:aws").filter_map(|(at, _)| text[at..].split(':').nth(1)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn the_main_job_is_done_in_every_partition() {
    for (partition, region) in REGIONS {
        let place = in_region(region);
        let validated = place.run(&["validate"]).exits(0);
        assert_eq!(validated.stderr, "", "{region}");
        let plan = place.sandbox(&["plan", "--format", "json"]).exits(0).stdout;
        assert_eq!(partitions(&plan), [partition], "{region}");
        assert!(serde_json::from_str::<Value>(&plan).is_ok(), "{region}");
        place.sandbox(&["apply", "--yes", "--no-input"]).exits(0);
        place.sandbox(&["plan", "--detailed-exitcode", "--no-input"]).exits(0);
        for purpose in ["plan", "apply", "verify", "backup"] {
            let printed = place.run(&["permissions", purpose]).exits(0).stdout;
            assert_eq!(partitions(&printed), [partition], "{region}, {purpose}");
        }
    }
}

#[test]
fn a_region_that_is_not_listed_is_a_warning_with_its_neighbour() {
    for (region, near) in [
        ("sa-east-2", "sa-east-1"),
        ("ap-northeast-9", "ap-northeast-1"),
        ("us-gov-wset-1", "us-gov-west-1"),
        ("cn-south-1", "cn-north-1"),
    ] {
        let place = in_region(region);
        for run in [place.run(&["validate"]).exits(0), place.sandbox(&["plan"]).exits(0)] {
            assert!(run.stderr.contains("warning[VSS0217]") && run.stderr.contains(near), "{region}: {}", run.stderr);
        }
        let empty = Place::empty();
        let written = empty.run(&["init", "--region", region]).exits(0);
        assert!(written.stderr.contains(near), "{region}: {}", written.stderr);
        // The way out of the warning is to have meant it.
        place.sandbox(&["apply", "--yes"]).exits(0);
        place.sandbox(&["plan", "--detailed-exitcode"]).exits(0);
    }
    for region in ["tokyo", "ap_northeast_1", "ap-northeast-1a", ""] {
        let place = in_region(region);
        place.run(&["validate"]).exits(6);
        Place::empty().run(&["init", "--region", region]).exits(6);
    }
}
