//! The documents of AWS's managed policies, as AWS published them: of those that files for backups are likely to name,
//! in the version that is the default one. AWS changes them from time to time; of every other policy nothing is known.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;

/// The policies that VSS backups use, with their older versions.
pub(crate) const FILES: [&str; 4] = [
    include_str!("../sandbox/managed_policies/AWSEC2VssSnapshotPolicy.json"),
    include_str!("../sandbox/managed_policies/AmazonSSMManagedInstanceCore.json"),
    include_str!("../sandbox/managed_policies/AWSBackupServiceRolePolicyForBackup.json"),
    include_str!("../sandbox/managed_policies/AWSBackupServiceRolePolicyForRestores.json"),
];
/// The policies of which the default version alone is known here.
pub(crate) const OTHERS: &str = include_str!("../sandbox/managed_policies/others.json");

#[derive(Deserialize)]
struct Published {
    name: String,
    path: String,
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    document: Value,
}

#[derive(Deserialize)]
struct Other {
    name: String,
    path: String,
    document: Value,
}

/// The default documents, by path and name.
static DOCUMENTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let files = FILES.iter().filter_map(|text| serde_json::from_str::<Published>(text).ok());
    let files = files
        .filter_map(|Published { name, path, mut versions }| Some((format!("{path}{name}"), versions.pop()?.document)));
    let others = serde_json::from_str::<Vec<Other>>(OTHERS).unwrap_or_default().into_iter();
    files.chain(others.map(|Other { name, path, document }| (format!("{path}{name}"), document))).collect()
});

/// Returns the document of a managed policy of AWS's; `None` where it is not known here.
pub(crate) fn document(arn: &str) -> Option<&'static Value> {
    static MADE: LazyLock<Mutex<BTreeMap<String, &'static Value>>> = LazyLock::new(Mutex::default);
    let (partition, name) = arn.strip_prefix("arn:")?.split_once(":iam::aws:policy")?;
    let document = DOCUMENTS.get(name)?;
    if partition == "aws" {
        return Some(document);
    }
    // In another partition AWS's documents contain that partition's ARNs. There are few partitions and policies, so
    // that what is made once may stay.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made.get(arn) {
        return Some(known);
    }
    let text = document.to_string().replace("arn:aws:", &format!("arn:{partition}:"));
    let document: &'static Value = Box::leak(Box::new(serde_json::from_str(&text).ok()?));
    made.insert(arn.to_owned(), document);
    Some(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_found_by_arn_in_the_words_of_the_partition() {
        for name in ["ReadOnlyAccess", "service-role/AWSBackupServiceRolePolicyForBackup", "AWSEC2VssSnapshotPolicy"] {
            assert!(document(&format!("arn:aws:iam::aws:policy/{name}")).is_some(), "{name}");
        }
        let china = document("arn:aws-cn:iam::aws:policy/AWSEC2VssSnapshotPolicy").expect("known").to_string();
        assert!(china.contains("arn:aws-cn:") && !china.contains("arn:aws:"));
        for arn in [
            "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForBackup",
            "arn:aws:iam::aws:policy/NobodyKnows",
            "arn:aws:iam::123456789012:policy/ReadOnlyAccess",
            "ReadOnlyAccess",
        ] {
            assert_eq!(document(arn), None, "{arn}");
        }
    }
}
