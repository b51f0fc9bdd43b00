//! The instance and its agent: D001, D002, D003, D010, D011, D012, D033, D042, D053.

use super::{Notes, Patient, Severity, why};
use crate::vss::evidence::Known;
use crate::vss::moment::length;
use crate::vss::package::Installed;
use crate::vss::version::{Works, compare};

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
            format!(
                "attach an instance profile: Default Host Management gives no EC2 permissions; then {}",
                patient.about_role("attach AWSEC2VssSnapshotPolicy to its role")
            ),
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

/// Judges the system, and whether the package on it is one that works there. What is not known is no finding.
fn system(patient: &Patient<'_>, name: &str, notes: &mut Notes) {
    let Some(system) = &patient.system else { return };
    let mut seen = vec![format!("platform {name}")];
    let remedy = "move to Windows Server 2016 or later";
    match system.works() {
        Works::Any => {}
        Works::Never => {
            let problem = if system.title().contains("Server") {
                format!("{} is not supported", system.title())
            } else {
                "the system is no Windows Server".to_owned()
            };
            notes.find("D002", &patient.subject, problem, seen, remedy);
        }
        Works::Only(only) => {
            let installed = patient.package.as_ref().map(|package| &package.installed);
            let severity = match installed {
                // A package that is not there has a check of its own.
                Some(Installed::Gone) => return,
                Some(Installed::Version(_) | Installed::Before(_)) if installed.is_some_and(|it| it.may_be(only)) => {
                    return;
                }
                Some(Installed::Version(_) | Installed::Before(_) | Installed::Newest) => Severity::Error,
                Some(Installed::AtLeast(least)) if compare(only, least.as_str()).is_lt() => Severity::Error,
                Some(Installed::AtLeast(_) | Installed::Present) | None => Severity::Advice,
            };
            seen.extend(patient.version().map(|version| format!("AwsVssComponents {version}")));
            let rule = system.rule().unwrap_or_default();
            let advice = format!("{}; or {remedy}", patient.about_package(remedy));
            notes.find_as("D002", severity, &patient.subject, rule, seen, advice);
        }
    }
}
