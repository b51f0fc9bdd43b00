//! The status messages of AWS Backup, and what they mean.
//!
//! Source: AWS Backup Developer Guide, "AWS Backup dashboards", "Reasons for problematic jobs", and "Create Windows VSS
//! backups". AWS gives no codes: a message is recognised by a part of it, in any case. The first row that fits counts,
//! so the more special ones stand first.

use super::version::System;

/// What a message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The part of the message that names it, in lower case.
    pub part: &'static str,
    /// What went wrong.
    pub cause: &'static str,
    /// The checks that look for it.
    pub checks: &'static [&'static str],
    /// What to do.
    pub fix: &'static str,
    /// What to do instead on a system on which one older version of the package alone works.
    pub on_older: OnOlder,
}

/// What to do on a system on which one older version of the package alone works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOlder {
    /// The same as anywhere.
    Same,
    /// This, and then a policy of the customer's own.
    Policy(&'static str),
    /// Install that version.
    Package,
}

impl Meaning {
    /// Says what to do on a system: AWS's managed policy and the newest package are no way out on an older one.
    pub fn fix_on(&self, system: Option<&System>) -> String {
        let advice = match self.on_older {
            OnOlder::Same => None,
            OnOlder::Policy(first) => system.and_then(System::policy_advice).map(|advice| format!("{first}{advice}")),
            OnOlder::Package => system.and_then(System::package_advice),
        };
        advice.unwrap_or_else(|| self.fix.to_owned())
    }
}

/// Every documented message.
pub const TABLE: &[Meaning] = &[
    Meaning {
        part: "either instance or ssm agent has invalid state or insufficient privileges",
        cause: "Systems Manager could not run the snapshot on the instance: it is not running, its agent does not \
                answer, or its role allows too little",
        checks: &["D003", "D010", "D011", "D020", "D021", "D023"],
        fix: "start the instance and its AmazonSSMAgent service, and give it an instance profile whose role has \
              AmazonSSMManagedInstanceCore and AWSEC2VssSnapshotPolicy (before Windows Server 2016 a policy of your \
              own that does not ask for the tag `AwsVssConfig`)",
        on_older: OnOlder::Policy(
            "start the instance and its AmazonSSMAgent service, attach AmazonSSMManagedInstanceCore to its role, and ",
        ),
    },
    Meaning {
        part: "because of insufficient privileges to perform this operation",
        cause: "the instance's role may not make the image or tag it, or the package is older than the managed policy \
                needs",
        checks: &["D020", "D021", "D022"],
        fix: "attach AWSEC2VssSnapshotPolicy to the instance's role, and bring AwsVssComponents to 2.3.1 or later; \
              Windows Server 2012 and 2012 R2 take 2.1.0 only, 2008 R2 1.3.1.0 only, with a policy of your own that \
              does not ask for the tag `AwsVssConfig`",
        on_older: OnOlder::Policy(""),
    },
    Meaning {
        part: "ec2-vss-agent.exe is not installed",
        cause: "the package AwsVssComponents is not on the instance",
        checks: &["D030"],
        fix: "install it: `vssctl apply` with a `[package.AwsVssComponents]` that targets the instance, pinned to \
              2.1.0 on Windows Server 2012 and 2012 R2, to 1.3.1.0 on 2008 R2",
        on_older: OnOlder::Package,
    },
    Meaning {
        part: "because of timeout on vss enabled snapshot creation",
        cause: "the writers were not frozen and thawed within the 10 seconds that AWS gives them",
        checks: &["D050", "D051", "D052"],
        fix: "back up at a time of less I/O, exclude the package from antivirus, restart the service of a writer that \
              failed, and take the newest package that works on the system",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "because of unsupported windows server version",
        cause: "the system is none that AWS's VSS solution supports",
        checks: &["D002"],
        fix: "move to Windows Server 2016 or later; 2012 and 2012 R2 work with package 2.1.0 only, 2008 R2 with \
              1.3.1.0 only",
        on_older: OnOlder::Package,
    },
    Meaning {
        part: "windows vss backup job error encountered, trying for regular backup",
        cause: "the VSS part failed, and AWS Backup made a regular backup instead; its message does not say why",
        checks: &["D021", "D022", "D030", "D040", "D050"],
        fix: "run `vssctl doctor` for the instance, and look at the output of its last AWSEC2-CreateVssSnapshot \
              command",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "there was a running job for the same resource",
        cause: "another backup of the instance was running: AWS Backup runs one at a time and fails the later one",
        checks: &["D064"],
        fix: "merge the plans, or move their schedules apart by more than the longest start window",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "cannot be assumed by aws backup",
        cause: "AWS Backup cannot assume the selection's role",
        checks: &["D023"],
        fix: "the role must exist and trust backup.amazonaws.com: `preset = \"backup-service\"` makes it so",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "expired before completion",
        cause: "the job did not start or end within its windows",
        checks: &["D070"],
        fix: "give the rule longer windows: `start_window` of 8h, and a `complete_window` well beyond it",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "not within the range specified for the target backup vault",
        cause: "the rule's retention is outside of what the vault's lock allows",
        checks: &["D071"],
        fix: "bring `delete_after` of the rule inside the vault lock's range",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "subscriber limit exceeded",
        cause: "more than 300 backups at a time in this account and region",
        checks: &["D060"],
        fix: "spread the instances over several rules, or give the rule a longer start window",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "maximum allowed in-progress snapshots for a single volume",
        cause: "other snapshots of the same volume were still being made",
        checks: &["D061"],
        fix: "let no other tool snapshot the same volumes at the same time",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "maximum number of concurrent snapshots on an ebs volume",
        cause: "other snapshots of the same volume were still being made",
        checks: &["D061"],
        fix: "let no other tool snapshot the same volumes at the same time",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "maximum allowed active snapshot limit exceeded",
        cause: "the account has as many snapshots in progress as it may have",
        checks: &["D061"],
        fix: "spread the backups over time, or ask AWS for a higher quota",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "cannot create more than 20 user snapshots",
        cause: "the account has as many snapshots as it may have",
        checks: &["D061"],
        fix: "delete snapshots that nobody needs, or ask AWS for a higher quota",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "must not have more than 50 user tags",
        cause: "the instance's tags, the rule's and those of the snapshot are more than 50 together",
        checks: &["D062"],
        fix: "remove tags from the instance or from the rule's `recovery_point_tags`",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "more than 50 tags specified",
        cause: "the instance's tags, the rule's and those of the snapshot are more than 50 together",
        checks: &["D062"],
        fix: "remove tags from the instance or from the rule's `recovery_point_tags`",
        on_older: OnOlder::Same,
    },
    Meaning {
        // The message has a number before these words, which differs in accounts with a higher quota.
        part: "for the number of public and private images",
        cause: "the account has as many images as it may have",
        checks: &["D063"],
        fix: "delete images that nobody needs, or ask AWS for a higher quota",
        on_older: OnOlder::Same,
    },
    Meaning {
        part: "you are not authorized to perform this operation",
        cause: "a role may not do what the backup needs: the selection's or the instance's",
        checks: &["D021", "D023"],
        fix: "give the selection's role AWSBackupServiceRolePolicyForBackup and the instance's role \
              AWSEC2VssSnapshotPolicy (before Windows Server 2016 a policy of your own that does not ask for the tag \
              `AwsVssConfig`)",
        on_older: OnOlder::Policy("give the selection's role AWSBackupServiceRolePolicyForBackup, and "),
    },
    Meaning {
        part: "access denied trying to call aws backup service",
        cause: "a role may not do what the backup needs: the selection's or the instance's",
        checks: &["D021", "D023"],
        fix: "give the selection's role AWSBackupServiceRolePolicyForBackup and the instance's role \
              AWSEC2VssSnapshotPolicy (before Windows Server 2016 a policy of your own that does not ask for the tag \
              `AwsVssConfig`)",
        on_older: OnOlder::Policy("give the selection's role AWSBackupServiceRolePolicyForBackup, and "),
    },
];

/// Returns what a message means, if AWS documents it.
pub fn meaning(message: &str) -> Option<&'static Meaning> {
    let message = message.to_lowercase();
    TABLE.iter().find(|meaning| message.contains(meaning.part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vss::doctor::catalogue;

    /// The messages as AWS's page has them, each with the first check that looks for it.
    const DOCUMENTED: &[(&str, &str)] = &[
        (
            "Windows VSS Backup attempt failed because either Instance or SSM Agent has invalid state or insufficient \
             privileges.",
            "D010",
        ),
        ("Windows VSS Backup attempt failed because of insufficient privileges to perform this operation", "D021"),
        ("Windows VSS Backup attempt failed because ec2-vss-agent.exe is not installed in the Instance", "D030"),
        ("Windows VSS Backup Job Error encountered, trying for regular backup", "D030"),
        ("Windows VSS Backup attempt failed because of timeout on VSS enabled snapshot creation", "D050"),
        (
            "Windows VSS Backup attempt failed because of unsupported Windows Server version. Supported Versions are \
             Windows Server 2012 or later.",
            "D002",
        ),
        ("Subscriber limit exceeded: You have reached the maximum concurrent number of backups, which is 300.", "D060"),
        ("Maximum allowed in-progress snapshots for a single volume exceeded.", "D061"),
        ("Image creation throttled due to maximum number of concurrent snapshots on an EBS volume.", "D061"),
        ("Maximum allowed active snapshot limit exceeded.", "D061"),
        ("Cannot create more than 20 user snapshots", "D061"),
        ("The resultant tag set must not have more than 50 user tags.", "D062"),
        ("More than 50 tags specified", "D062"),
        ("You have reached your quota of 50,000 for the number of public and private images", "D063"),
        ("Backup job failed because there was a running job for the same resource.", "D064"),
        ("IAM Role arn:aws:iam::123456789012:role/x cannot be assumed by AWS Backup", "D023"),
        ("Backup job expired before completion.", "D070"),
        ("The retention specified in the job is not within the range specified for the target Backup Vault", "D071"),
        ("You are not authorized to perform this operation.", "D021"),
        ("Access Denied trying to call AWS Backup service", "D023"),
    ];

    #[test]
    fn every_documented_message_is_understood_in_any_case() {
        for (message, check) in DOCUMENTED {
            for message in [(*message).to_owned(), message.to_uppercase()] {
                let meaning = meaning(&message).unwrap_or_else(|| panic!("{message}"));
                assert!(meaning.checks.contains(check), "{message}: {:?}", meaning.checks);
            }
        }
        assert_eq!(DOCUMENTED.len(), TABLE.len());
    }

    #[test]
    fn no_row_hides_a_later_one() {
        for (message, _) in DOCUMENTED {
            let message = message.to_lowercase();
            assert_eq!(TABLE.iter().filter(|meaning| message.contains(meaning.part)).count(), 1, "{message}");
        }
    }

    #[test]
    fn every_check_that_a_message_names_is_in_the_catalogue() {
        for meaning in TABLE {
            assert!(meaning.checks.iter().all(|check| catalogue::find(check).is_some()), "{meaning:?}");
        }
    }

    #[test]
    fn a_message_that_aws_does_not_document_means_nothing_here() {
        assert_eq!(meaning("The moon is full"), None);
        assert_eq!(meaning(""), None);
    }
}
