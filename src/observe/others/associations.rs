//! Reads the associations of others that install or remove packages.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::Association as Listed;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};

use crate::aws::{AwsError, Reader};
use crate::kind::{Owner, marks};
use crate::kinds::package::DOCUMENT;
use crate::observe::known::unread;
use crate::vss::others::{Association, Others};

/// How many associations are read at a time.
const AT_A_TIME: usize = 8;

/// Reads the associations that are not the stack's, each of which may fail by itself.
pub(super) async fn read(reader: &Reader, others: &mut Others) {
    let (listed, index) = match tokio::try_join!(reader.list_associations(), reader.tagged()) {
        Ok(read) => read,
        Err(error) => {
            others.unread.push(unread(&error));
            return;
        }
    };
    let ours = |listed: &&Listed| {
        let id = listed.association_id().unwrap_or_default();
        let tags = index.get(&reader.scope().arn("ssm", &format!("association/{id}")));
        tags.is_some_and(|tags| matches!(marks::owner(reader.scope(), tags), Owner::Ours(_)))
    };
    let installing = listed.iter().filter(|listed| listed.name() == Some(DOCUMENT)).filter(|listed| !ours(listed));
    let mut reads = stream::iter(installing.map(|listed| one(reader, listed))).buffered(AT_A_TIME);
    while let Some(read) = reads.next().await {
        match read {
            Ok(association) => others.associations.extend(association),
            // Somebody deleted it after it was listed.
            Err(error) if error.is_not_found() => {}
            Err(error) => others.unread.push(unread(&error)),
        }
    }
}

async fn one(reader: &Reader, listed: &Listed) -> Result<Option<Association>, AwsError> {
    let id = listed.association_id().unwrap_or_default();
    let (tags, described) = tokio::try_join!(reader.association_tags(id), reader.association(id))?;
    let owner = marks::owner(reader.scope(), &tags);
    if matches!(owner, Owner::Ours(_)) {
        return Ok(None);
    }
    let none = std::collections::HashMap::new();
    let parameters = described.parameters().unwrap_or(&none);
    let first = |name: &str| parameters.get(name).and_then(|values| values.first()).cloned().unwrap_or_default();
    Ok(Some(Association {
        id: id.to_owned(),
        name: described.association_name().unwrap_or_default().to_owned(),
        owner: words(owner),
        package: first("name"),
        action: first("action"),
        version: Some(first("version")).filter(|version| !version.is_empty()),
        targets: targets(&described),
    }))
}

/// Says whose an association is; none where no tag says it.
fn words(owner: Owner) -> Option<String> {
    match owner {
        Owner::Stack(stack) => Some(format!("of the stack `{stack}`")),
        Owner::CloudFormation(stack) => Some(format!("of the CloudFormation stack `{stack}`")),
        Owner::Ours(_) => Some("this stack's".to_owned()),
        Owner::Aws => Some("of AWS".to_owned()),
        Owner::Parent | Owner::Nobody => None,
    }
}

/// Reads the targets. An old association names one instance beside them.
fn targets(described: &aws_sdk_ssm::types::AssociationDescription) -> Value {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for target in described.targets() {
        found.entry(target.key().unwrap_or_default().to_owned()).or_default().extend(target.values().to_vec());
    }
    if let Some(id) = described.instance_id().filter(|_| found.is_empty()) {
        found.insert("InstanceIds".to_owned(), vec![id.to_owned()]);
    }
    found.into_iter().map(|(key, values)| (key, Value::from(values))).collect::<Map<_, _>>().into()
}
