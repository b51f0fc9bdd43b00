//! One healthy account for tests: a Windows server that a plan with VSS backs up every night, and a Linux machine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Moment;
use super::evidence::{
    APP_CONSISTENT, Agent, Conditions, Evidence, Image, Instance, InstanceProfile, Job, JobState, Known,
    MetadataOptions, Plan, Role, Rule, Selection, Snapshot, Tags, VSS_CONFIG, Vault,
};
use super::package::{Installed, PackageEvidence, PackageSource};
use super::version::Version;
use crate::model::Scope;

pub(crate) const ID: &str = "i-0aaaaaaaaaaaaaaa1";
pub(crate) const LINUX: &str = "i-0aaaaaaaaaaaaaaa2";
pub(crate) const INSTANCE_ROLE: &str = "arn:aws:iam::123456789012:role/EC2RoleforSSMVSSSnapshotV2";
pub(crate) const BACKUP_ROLE: &str = "arn:aws:iam::123456789012:role/AWSBackupVss";
pub(crate) const PROFILE: &str = "arn:aws:iam::123456789012:instance-profile/EC2RoleforSSMVSSSnapshotV2";
pub(crate) const VSS_POLICY: &str = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy";
pub(crate) const SSM_CORE: &str = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
pub(crate) const FOR_BACKUP: &str = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";

pub(crate) const FOR_RESTORES: &str = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores";

pub(crate) fn at(text: &str) -> Moment {
    text.parse().unwrap()
}

/// Noon of the fifteenth; the last backup was made the evening before.
pub(crate) fn now() -> Moment {
    at("2026-01-15T12:00:00Z")
}

pub(crate) fn scope() -> Scope {
    Scope {
        stack: "windows-backup".to_owned(),
        account_id: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        iam_path: "/".to_owned(),
    }
}

fn document(file: &str) -> Value {
    let published: Value = serde_json::from_str(file).unwrap();
    published["versions"].as_array().unwrap().last().unwrap()["document"].clone()
}

pub(crate) fn healthy() -> Evidence {
    let mut evidence = Evidence::new(scope(), now(), at("2025-12-16T12:00:00Z"));
    let tags = Tags::from([("Name".to_owned(), "sql-1".to_owned()), ("VssBackup".to_owned(), "enabled".to_owned())]);
    let server = Instance {
        id: ID.to_owned(),
        name: "sql-1".to_owned(),
        instance_type: "m6i.large".to_owned(),
        state: "running".to_owned(),
        windows: true,
        vpc: "vpc-01".to_owned(),
        subnet: "subnet-01".to_owned(),
        tags,
        profile_arn: Some(PROFILE.to_owned()),
        volumes: vec![("/dev/sda1".to_owned(), "vol-01".to_owned()), ("xvdb".to_owned(), "vol-02".to_owned())],
        metadata: Some(MetadataOptions { enabled: true, tokens_required: true, hop_limit: Some(2) }),
        launched: Some(at("2025-11-03T08:00:00Z")),
        created: Some(at("2025-11-03T08:00:00Z")),
    };
    let linux = Instance {
        id: LINUX.to_owned(),
        name: "web-1".to_owned(),
        instance_type: "t3.micro".to_owned(),
        state: "running".to_owned(),
        ..Instance::default()
    };
    evidence.instances = Known::Known(vec![server, linux]);
    evidence.agents = Known::Known(BTreeMap::from([(ID.to_owned(), agent())]));
    evidence.jobs = Known::Known(vec![job("job-1", "2026-01-14T18:00:00Z")]);
    evidence.images = Known::Known(BTreeMap::from([("ami-01".to_owned(), Some(image()))]));
    evidence.snapshots = Known::Known(BTreeMap::from([
        ("snap-01".to_owned(), Some(snapshot("snap-01"))),
        ("snap-02".to_owned(), Some(snapshot("snap-02"))),
    ]));
    evidence.plans = Known::Known(vec![daily()]);
    evidence.roles = Known::Known(BTreeMap::from([
        (INSTANCE_ROLE.to_owned(), instance_role()),
        (BACKUP_ROLE.to_owned(), backup_role()),
    ]));
    evidence.profiles = Known::Known(BTreeMap::from([(
        PROFILE.to_owned(),
        InstanceProfile {
            arn: PROFILE.to_owned(),
            name: "EC2RoleforSSMVSSSnapshotV2".to_owned(),
            roles: vec![INSTANCE_ROLE.to_owned()],
        },
    )]));
    evidence.vaults =
        Known::Known(BTreeMap::from([("vss".to_owned(), Vault { name: "vss".to_owned(), ..Vault::default() })]));
    evidence.opt_in = Known::Known(BTreeMap::from([("EC2".to_owned(), true)]));
    let package = PackageEvidence {
        installed: Installed::Version(Version::new("2.5.1")),
        source: PackageSource::SnapshotTag,
        at: at("2026-01-14T18:20:00Z"),
    };
    evidence.packages = Known::Known(BTreeMap::from([(ID.to_owned(), vec![package])]));
    evidence.commands = Known::Known(BTreeMap::new());
    evidence.associations = Known::Known(BTreeMap::new());
    evidence.volumes = Known::Known(Vec::new());
    evidence.clustered = Known::Known(BTreeSet::new());
    evidence.routes = Known::Known(Vec::new());
    evidence.endpoints = Known::Known(Vec::new());
    evidence
}

fn agent() -> Agent {
    Agent {
        ping: "Online".to_owned(),
        version: Some("3.3.1142.0".to_owned()),
        platform_name: Some("Microsoft Windows Server 2022 Datacenter".to_owned()),
        platform_version: Some("10.0.20348".to_owned()),
        last_ping: Some(at("2026-01-15T11:58:00Z")),
        platform_type: Some("Windows".to_owned()),
        association_status: Some("Success".to_owned()),
    }
}

pub(crate) fn job(id: &str, created: &str) -> Job {
    let created = at(created);
    Job {
        id: id.to_owned(),
        resource_arn: format!("arn:aws:ec2:eu-west-1:123456789012:instance/{ID}"),
        state: JobState::Completed,
        backup_type: Some("WindowsVSS".to_owned()),
        vss_requested: true,
        message_category: Some("SUCCESS".to_owned()),
        status_message: None,
        recovery_point_arn: Some("arn:aws:ec2:eu-west-1::image/ami-01".to_owned()),
        created,
        completed: Some(created.plus(1_200)),
        plan_id: Some("plan-daily".to_owned()),
        plan_version: None,
        rule_id: Some("rule-nightly".to_owned()),
        vault: "vss".to_owned(),
        role_arn: Some(BACKUP_ROLE.to_owned()),
    }
}

/// A job that fell back to a regular backup, with AWS's message.
pub(crate) fn fallback(id: &str, created: &str, message: &str) -> Job {
    Job {
        backup_type: None,
        message_category: Some("VSS_ERROR".to_owned()),
        status_message: Some(message.to_owned()),
        ..job(id, created)
    }
}

fn image() -> Image {
    Image {
        id: "ami-01".to_owned(),
        state: "available".to_owned(),
        tags: vss_tags(),
        snapshots: vec![("/dev/sda1".to_owned(), "snap-01".to_owned()), ("xvdb".to_owned(), "snap-02".to_owned())],
    }
}

fn snapshot(id: &str) -> Snapshot {
    Snapshot { id: id.to_owned(), state: "completed".to_owned(), volume: None, tags: vss_tags() }
}

fn vss_tags() -> Tags {
    Tags::from([
        (APP_CONSISTENT.to_owned(), "True".to_owned()),
        (VSS_CONFIG.to_owned(), "2.5.1 {2c0a1a8e-1b9c-4a2e-8a54-6f0f3f1f4a01}".to_owned()),
    ])
}

fn daily() -> Plan {
    Plan {
        id: "plan-daily".to_owned(),
        name: "daily".to_owned(),
        windows_vss: true,
        created: Some(at("2025-11-04T08:00:00Z")),
        rules: vec![Rule {
            id: "rule-nightly".to_owned(),
            name: "nightly".to_owned(),
            vault: "vss".to_owned(),
            schedule: Some("cron(0 18 ? * * *)".to_owned()),
            timezone: Some("Etc/UTC".to_owned()),
            start_window_minutes: 60,
            complete_window_minutes: Some(480),
            delete_after_days: Some(35),
            ..Rule::default()
        }],
        selections: Known::Known(vec![Selection {
            id: "selection-windows".to_owned(),
            name: "windows".to_owned(),
            created: Some(at("2025-11-04T08:00:00Z")),
            role_arn: BACKUP_ROLE.to_owned(),
            resources: vec!["arn:aws:ec2:*:*:instance/*".to_owned()],
            conditions: Conditions {
                equals: vec![("VssBackup".to_owned(), "enabled".to_owned())],
                ..Conditions::default()
            },
            ..Selection::default()
        }]),
        ..Plan::default()
    }
}

pub(crate) fn trust(service: &str) -> Value {
    crate::policy::trust_policy(&[service])
}

fn instance_role() -> Role {
    Role {
        arn: INSTANCE_ROLE.to_owned(),
        name: "EC2RoleforSSMVSSSnapshotV2".to_owned(),
        trust: trust("ec2.amazonaws.com"),
        managed: BTreeMap::from([
            (
                VSS_POLICY.to_owned(),
                Known::Known(document(include_str!("../sandbox/managed_policies/AWSEC2VssSnapshotPolicy.json"))),
            ),
            (
                SSM_CORE.to_owned(),
                Known::Known(document(include_str!("../sandbox/managed_policies/AmazonSSMManagedInstanceCore.json"))),
            ),
        ]),
        ..Role::default()
    }
}

fn backup_role() -> Role {
    let for_backup = include_str!("../sandbox/managed_policies/AWSBackupServiceRolePolicyForBackup.json");
    let for_restores = include_str!("../sandbox/managed_policies/AWSBackupServiceRolePolicyForRestores.json");
    Role {
        arn: BACKUP_ROLE.to_owned(),
        name: "AWSBackupVss".to_owned(),
        trust: trust("backup.amazonaws.com"),
        managed: BTreeMap::from([
            (FOR_BACKUP.to_owned(), Known::Known(document(for_backup))),
            (FOR_RESTORES.to_owned(), Known::Known(document(for_restores))),
        ]),
        ..Role::default()
    }
}

/// The Windows server.
pub(crate) fn instance(evidence: &mut Evidence) -> &mut Instance {
    match &mut evidence.instances {
        Known::Known(instances) => &mut instances[0],
        Known::Unknown(_) | Known::NotRead => panic!("no instances"),
    }
}

/// Its agent.
pub(crate) fn agent_of(evidence: &mut Evidence) -> &mut Agent {
    match &mut evidence.agents {
        Known::Known(agents) => agents.get_mut(ID).unwrap(),
        Known::Unknown(_) | Known::NotRead => panic!("no agents"),
    }
}

/// The only plan.
pub(crate) fn plan(evidence: &mut Evidence) -> &mut Plan {
    match &mut evidence.plans {
        Known::Known(plans) => &mut plans[0],
        Known::Unknown(_) | Known::NotRead => panic!("no plans"),
    }
}

/// A role.
pub(crate) fn role<'a>(evidence: &'a mut Evidence, arn: &str) -> &'a mut Role {
    match &mut evidence.roles {
        Known::Known(roles) => roles.get_mut(arn).unwrap(),
        Known::Unknown(_) | Known::NotRead => panic!("no roles"),
    }
}

/// A policy document that allows actions on everything.
pub(crate) fn allowing(actions: &[&str]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
}
