//! Instances, with the volumes, keys, networks and agents that matter to their backups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Known, Tags};
use crate::vss::Moment;

/// An EC2 instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `i-...`.
    pub id: String,
    /// The tag `Name`, empty without one.
    pub name: String,
    /// Such as `m6i.large`.
    pub instance_type: String,
    /// `running`, `stopped`, ...
    pub state: String,
    /// EC2 says that it runs Windows.
    pub windows: bool,
    /// All tags.
    pub tags: Tags,
    /// `vpc-...`.
    pub vpc: String,
    /// `subnet-...`.
    pub subnet: String,
    /// The ARN of the instance profile on it.
    pub profile_arn: Option<String>,
    /// The volumes: device name and id.
    pub volumes: Vec<(String, String)>,
    /// How the instance reaches its metadata, and with that its credentials.
    pub metadata: Option<MetadataOptions>,
    /// The last launch, which every start is.
    pub launched: Option<Moment>,
    /// When its root volume was attached: EC2 tells no nearer moment of its creation.
    pub created: Option<Moment>,
}

impl Instance {
    /// Returns the name and id, as texts show them.
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.id.clone() } else { format!("{} ({})", self.name, self.id) }
    }
}

/// An encrypted volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// `vol-...`.
    pub id: String,
    /// The ARN of its key.
    pub key: String,
    /// The instances that it is attached to.
    pub instances: Vec<String>,
}

/// A KMS key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `Enabled`, `Disabled`, `PendingDeletion`, ...
    pub state: String,
    /// The customer manages it; else AWS does, and no role needs a permission for it.
    pub is_customers: bool,
    /// Its policy; not read of AWS's keys, and of other accounts' keys, where AWS does not show it.
    pub policy: Known<Value>,
    /// The operations that grants allow, by the ARN of a role.
    pub grants: BTreeMap<String, Known<Vec<String>>>,
}

/// A route table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// `rtb-...`.
    pub id: String,
    /// `vpc-...`.
    pub vpc: String,
    /// The subnets that it is for by name.
    pub subnets: Vec<String>,
    /// It is for all subnets of the VPC without one of their own.
    pub is_main: bool,
    /// What its routes lead to.
    pub targets: Vec<String>,
}

/// An endpoint of a service of AWS's in a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `vpce-...`.
    pub id: String,
    /// `vpc-...`.
    pub vpc: String,
    /// Such as `com.amazonaws.eu-west-1.ec2`.
    pub service: String,
    /// It answers, and the service's usual name leads to it.
    pub answers: bool,
}

/// `MetadataOptions` of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataOptions {
    /// `HttpEndpoint` is `enabled`.
    pub enabled: bool,
    /// `HttpTokens` is `required`.
    pub tokens_required: bool,
    /// `HttpPutResponseHopLimit`.
    pub hop_limit: Option<i32>,
}

/// What Systems Manager says about an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping: String,
    /// The agent's version.
    pub version: Option<String>,
    /// Such as `Microsoft Windows Server 2022 Datacenter`.
    pub platform_name: Option<String>,
    /// Such as `10.0.20348`.
    pub platform_version: Option<String>,
    /// The last sign of life.
    pub last_ping: Option<Moment>,
    /// `Windows` or `Linux`.
    pub platform_type: Option<String>,
    /// The status of the instance's associations: `Success`, `Failed`, ...
    pub association_status: Option<String>,
}

impl Agent {
    /// Tells whether the agent answers.
    pub fn is_online(&self) -> bool {
        self.ping == "Online"
    }
}
