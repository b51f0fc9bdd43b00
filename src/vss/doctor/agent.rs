//! The instance and its agent: D001, D002, D003, D010, D011, D012, D033, D042, D053.

use super::{Notes, Patient, Severity, why};
use crate::vss::evidence::Known;
use crate::vss::moment::length;
use crate::vss::version::{SERVER_2012, Version, compare};

/// The types on which AWS Backup runs no VSS.
const TOO_SMALL: [&str; 6] = ["t2.nano", "t2.micro", "t3.nano", "t3.micro", "t3a.nano", "t3a.micro"];
/// The oldest agent that VSS works with.
const OLDEST_AGENT: &str = "3.0.502.0";
/// The oldest agent that fetches packages without S3 buckets.
const GOOD_AGENT: &str = "3.3.551.0";
/// With this many volumes most instance types have little room for more.
const MANY_VOLUMES: usize = 26;

pub(super) fn check(patient: &Patient<'_>, notes: &mut Notes) {
    let Patient { instance, subject, .. } = patient;
    if !instance.windows {
        notes.find(
            "D002",
            subject,
            "the instance runs no Windows",
            vec!["EC2 gives its platform as other than Windows".to_owned()],
            "VSS is Windows': AWS Backup ignores the option on this instance, and says nothing about it",
        );
        return;
    }
    if TOO_SMALL.contains(&instance.instance_type.as_str()) {
        notes.find(
            "D001",
            subject,
            format!("AWS Backup never runs VSS on a {}", instance.instance_type),
            vec![format!("instance type {}", instance.instance_type)],
            "change the instance type: AWS Backup never runs VSS on nano and micro of t2, t3 and t3a, and the job \
             still says COMPLETED",
        );
    }
    if !patient.is_running() {
        notes.find(
            "D003",
            subject,
            format!("the instance is {}", instance.state),
            vec![format!("state {}", instance.state)],
            "start it before the backup: VSS is run by Systems Manager on the running system, else the backup is a \
             regular one",
        );
    }
    if let Some(metadata) = instance.metadata.as_ref().filter(|metadata| !metadata.enabled) {
        notes.find(
            "D042",
            subject,
            "the instance's metadata are switched off, and with them its role's credentials",
            vec![format!(
                "MetadataOptions.HttpEndpoint is disabled, HttpTokens {}",
                if metadata.tokens_required { "required" } else { "optional" }
            )],
            "switch them on: `aws ec2 modify-instance-metadata-options --http-endpoint enabled`",
        );
    }
    if instance.volumes.len() >= MANY_VOLUMES {
        notes.find(
            "D053",
            subject,
            format!("the instance has {} volumes", instance.volumes.len()),
            vec![format!("{} block devices of an {}", instance.volumes.len(), instance.instance_type)],
            "nothing has to be done while its backups are consistent; most types take about 28 volumes and network \
             interfaces together, and the more volumes the longer the writers are frozen: spread them before you \
             attach more",
        );
    }
    agent(patient, notes);
}

fn agent(patient: &Patient<'_>, notes: &mut Notes) {
    let Patient { evidence, instance, subject, .. } = patient;
    let Known::Known(agents) = &evidence.agents else {
        if evidence.agents.unread().is_some() {
            notes.undecided("D010", subject, why(&evidence.agents));
        }
        return;
    };
    let agent = agents.get(&instance.id);
    // The agent of a stopped instance is silent, and so may be the agent of an instance without credentials. Other
    // checks find those causes.
    let has_metadata = instance.metadata.as_ref().is_none_or(|metadata| metadata.enabled);
    if patient.is_running() && instance.profile_arn.is_some() && has_metadata {
        let silent = match agent {
            None => Some("Systems Manager does not know the instance".to_owned()),
            Some(agent) if agent.is_online() => None,
            Some(agent) => {
                let since =
                    agent.last_ping.map(|last| format!(", last heard of {} ago", length(evidence.read_at.since(last))));
                Some(format!("PingStatus {}{}", agent.ping, since.unwrap_or_default()))
            }
        };
        if let Some(seen) = silent {
            notes.find(
                "D010",
                subject,
                "the SSM Agent does not answer",
                vec![seen],
                "start the AmazonSSMAgent service and check role, endpoints and clock; new credentials take up to 30 \
                 minutes to be picked up unless the agent is restarted",
            );
        }
    }
    let Some(agent) = agent else { return };
    if agent.is_online() && instance.profile_arn.is_none() {
        notes.find(
            "D012",
            subject,
            "the instance is managed by Default Host Management alone: Systems Manager works, VSS cannot",
            vec!["the agent is online and the instance has no instance profile".to_owned()],
            "attach an instance profile whose role has AWSEC2VssSnapshotPolicy: Default Host Management gives no EC2 \
             permissions",
        );
    }
    if let Some(version) = agent.version.as_deref() {
        let seen = vec![format!("SSM Agent {version}")];
        if compare(version, OLDEST_AGENT).is_lt() {
            notes.find(
                "D011",
                subject,
                format!("the SSM Agent is older than {OLDEST_AGENT}"),
                seen,
                "update it with the document AWS-UpdateSSMAgent",
            );
        } else if compare(version, GOOD_AGENT).is_lt() {
            notes.find_as(
                "D011",
                Severity::Advice,
                subject,
                format!("the SSM Agent is older than {GOOD_AGENT}"),
                seen,
                "update it with the document AWS-UpdateSSMAgent: newer ones fetch packages without access to S3",
            );
        }
    }
    if agent.association_status.as_deref() == Some("Failed") && agent.is_online() {
        notes.find(
            "D033",
            subject,
            "an association of the instance failed, maybe the one that installs the package",
            vec!["AssociationStatus Failed".to_owned()],
            "look at `aws ssm describe-instance-associations-status`; a package association fails on Linux, so target \
             a tag of Windows servers",
        );
    }
    system(patient, agent.platform_name.as_deref().unwrap_or_default(), notes);
}

/// Judges the system by its name, such as `Microsoft Windows Server 2022 Datacenter`.
fn system(patient: &Patient<'_>, name: &str, notes: &mut Notes) {
    let Some(rest) = name.split_once("Windows").map(|(_, rest)| rest) else { return };
    let seen = vec![format!("platform {name}")];
    let remedy = "move to Windows Server 2016 or later";
    if !rest.contains("Server") {
        notes.find("D002", &patient.subject, "the system is no Windows Server", seen, remedy);
        return;
    }
    let year =
        rest.split_whitespace().find_map(|word| word.parse::<u32>().ok().filter(|year| (2000..3000).contains(year)));
    match year {
        Some(2012) => {
            let fits = patient.version().is_none_or(|version| *version == Version::new(SERVER_2012));
            let severity = if fits { Severity::Warning } else { Severity::Error };
            notes.find_as(
                "D002",
                severity,
                &patient.subject,
                format!("Windows Server 2012 works with package {SERVER_2012} only"),
                seen,
                format!("{remedy}, or pin the package: `version = \"{SERVER_2012}\"`"),
            );
        }
        Some(year) if year < 2016 => {
            notes.find("D002", &patient.subject, format!("Windows Server {year} is not supported"), seen, remedy);
        }
        Some(_) | None => {}
    }
}
