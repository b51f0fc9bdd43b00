//! The checks: what each is called, how bad a finding is, what it rests on, and where AWS writes about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// VSS will not work.
    Error,
    /// Trouble is likely.
    Warning,
    /// Worth knowing.
    Advice,
}

impl Severity {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

/// What a check rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rests {
    /// What AWS's APIs say.
    Apis,
    /// A look inside the instance, by Run Command.
    Inside,
    /// What AWS Backup says about a job that went wrong. No API shows the fault before.
    Jobs,
}

/// A page of AWS's.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: &'static str,
    /// Its address.
    pub url: &'static str,
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// `D001` to `D078`.
    pub id: &'static str,
    /// How bad its findings are, unless a finding says otherwise.
    pub severity: Severity,
    /// What must hold.
    pub title: &'static str,
    /// What it rests on.
    pub rests: Rests,
    /// Where AWS writes about it.
    pub page: &'static Page,
}

macro_rules! pages {
    ($($name:ident = $title:literal, $path:literal;)*) => {
        $(static $name: Page = Page { title: $title, url: concat!("https://docs.aws.amazon.com/", $path) };)*
    };
}

pages! {
    WINDOWS_BACKUPS = "Create Windows VSS backups", "aws-backup/latest/devguide/windows-backups.html";
    PREREQUISITES = "Prerequisites to create Windows VSS based EBS snapshots",
        "AWSEC2/latest/UserGuide/application-consistent-snapshots-prereqs.html";
    TROUBLESHOOTING = "Troubleshoot issues with Windows VSS based EBS snapshots",
        "AWSEC2/latest/UserGuide/application-consistent-snapshots-troubleshooting.html";
    POLICY = "Use an IAM managed policy to grant permissions for VSS based snapshots",
        "AWSEC2/latest/UserGuide/vss-iam-reqs.html";
    HISTORY = "AWS VSS solution version history", "AWSEC2/latest/UserGuide/vss-comps-history.html";
    INSTALLING = "Manage AWS VSS components",
        "AWSEC2/latest/UserGuide/application-consistent-snapshots-getting-started.html";
    AGENT = "Checking SSM Agent status", "systems-manager/latest/userguide/ssm-agent-status-and-restart.html";
    AGENT_ISSUES = "Troubleshooting SSM Agent", "systems-manager/latest/userguide/troubleshooting-ssm-agent.html";
    DEFAULT_MANAGEMENT = "Managing EC2 instances automatically with Default Host Management Configuration",
        "systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html";
    PROFILES = "Use instance profiles", "IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html";
    SERVICE_ROLES = "IAM service roles for AWS Backup", "aws-backup/latest/devguide/iam-service-roles.html";
    MANAGED_POLICIES = "Managed policies for AWS Backup", "aws-backup/latest/devguide/security-iam-awsmanpol.html";
    RESTORE = "Restore an Amazon EC2 instance", "aws-backup/latest/devguide/restoring-ec2.html";
    DASHBOARDS = "AWS Backup dashboards", "aws-backup/latest/devguide/backup-dashboards.html";
    QUOTAS = "AWS Backup quotas", "aws-backup/latest/devguide/aws-backup-limits.html";
    ENCRYPTION = "Encryption for backups in AWS Backup", "aws-backup/latest/devguide/encryption.html";
    COPIES = "Creating backup copies across AWS accounts",
        "aws-backup/latest/devguide/create-cross-account-backup.html";
    STATE_MANAGER = "Working with associations in Systems Manager",
        "systems-manager/latest/userguide/state-manager-associations.html";
    METADATA = "Configure the instance metadata options",
        "AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html";
    PLAN_OPTIONS = "Backup plan options and configuration",
        "aws-backup/latest/devguide/plan-options-and-configuration.html";
    LOCK = "AWS Backup Vault Lock", "aws-backup/latest/devguide/vault-lock.html";
    ASSIGNING = "Select AWS services to back up", "aws-backup/latest/devguide/assigning-resources.html";
    FEATURES = "Feature availability by resource", "aws-backup/latest/devguide/backup-feature-availability.html";
    DELETING = "Backup deletion", "aws-backup/latest/devguide/deleting-backups.html";
    DISABLE = "Disable an Amazon EC2 AMI", "AWSEC2/latest/UserGuide/disable-an-ami.html";
    ON_DEMAND = "Create an on-demand backup", "aws-backup/latest/devguide/recov-point-create-on-demand-backup.html";
}

use Rests::{Apis, Inside, Jobs};
use Severity::{Advice, Error, Warning};

macro_rules! checks {
    ($($id:literal $severity:ident $rests:ident $page:ident $title:literal;)*) => {
        /// Every check, by number.
        pub static CHECKS: &[Check] = &[
            $(Check { id: $id, severity: $severity, title: $title, rests: $rests, page: &$page },)*
        ];
    };
}

checks! {
    "D001" Error Apis WINDOWS_BACKUPS "the instance type can do VSS";
    "D002" Error Apis PREREQUISITES "the system is a Windows Server that AWS's VSS solution supports";
    "D003" Warning Apis WINDOWS_BACKUPS "the instance is running";
    "D004" Advice Apis WINDOWS_BACKUPS "a plan with VSS selects Windows instances only";
    "D010" Error Apis AGENT "the SSM Agent answers";
    "D011" Error Apis PREREQUISITES "the SSM Agent is new enough";
    "D012" Warning Apis DEFAULT_MANAGEMENT "the instance has credentials of its own, not only Default Host Management";
    "D020" Error Apis PROFILES "the instance has an instance profile with one role that EC2 may assume";
    "D021" Error Apis POLICY "the instance's role allows what VSS needs";
    "D022" Warning Apis POLICY "the package is new enough for the managed policy";
    "D023" Error Apis SERVICE_ROLES "the role of the selection exists, trusts AWS Backup and allows what VSS needs";
    "D024" Advice Apis MANAGED_POLICIES "operators with AWS's policies may pass the role to AWS Backup";
    "D025" Warning Apis RESTORE "the role for restores may pass the instance's role";
    "D026" Warning Apis ENCRYPTION "the keys of encrypted volumes let the backup use them";
    "D027" Warning Apis COPIES "copies into other vaults can be made";
    "D030" Error Inside TROUBLESHOOTING "the package's executable is there";
    "D031" Advice Apis HISTORY "the package is new enough";
    "D032" Warning Inside HISTORY "AWS's VSS provider is registered";
    "D033" Warning Apis STATE_MANAGER "the associations of the instance succeed";
    "D040" Error Inside TROUBLESHOOTING "the instance reaches EC2, Systems Manager and its metadata";
    "D041" Warning Inside HISTORY "the package heeds the proxy";
    "D042" Warning Apis METADATA "the instance's metadata are switched on";
    "D050" Warning Jobs TROUBLESHOOTING "the writers freeze and thaw within ten seconds";
    "D051" Warning Inside TROUBLESHOOTING "every VSS writer is stable";
    "D052" Warning Inside TROUBLESHOOTING "no VSS writer timed out";
    "D053" Advice Apis PREREQUISITES "the number of volumes leaves room";
    "D054" Warning Inside PREREQUISITES "PowerShell, .NET and the AWS Tools are as VSS needs them";
    "D055" Advice Inside TROUBLESHOOTING "no other VSS provider is present";
    "D056" Warning Inside PREREQUISITES "a failover cluster is backed up on its primary node";
    "D060" Warning Apis QUOTAS "no more than 300 instances start at a time";
    "D061" Warning Jobs DASHBOARDS "no other tool snapshots the same volumes at the same time";
    "D062" Error Apis DASHBOARDS "the tags of a backup are at most 50";
    "D063" Warning Jobs DASHBOARDS "the account's quota of images is not used up";
    "D064" Warning Apis QUOTAS "no two plans back up the instance at overlapping times";
    "D065" Advice Jobs ON_DEMAND "jobs that failed were followed by others";
    "D070" Warning Apis PLAN_OPTIONS "the windows of a rule are long enough and do not overlap";
    "D071" Error Apis LOCK "the vault of a rule exists, and its lock takes the retention";
    "D072" Error Apis ASSIGNING "AWS Backup handles EC2 in this region";
    "D073" Warning Apis ASSIGNING "a selection names what it selects";
    "D074" Warning Apis ASSIGNING "a plan with VSS selects Windows instances";
    "D075" Warning Apis FEATURES "a plan with VSS asks for nothing that EC2 has not";
    "D076" Warning Apis WINDOWS_BACKUPS "a backup with VSS was made lately";
    "D077" Warning Apis DISABLE "the newest image can be restored";
    "D078" Advice Apis DELETING "the roles that made recovery points exist, so that they can be deleted";
}

/// Returns where the package's installation is described.
pub fn installing() -> &'static Page {
    &INSTALLING
}

/// Returns where the agent's trouble is described.
pub fn agent_issues() -> &'static Page {
    &AGENT_ISSUES
}

/// Finds a check by its number.
pub fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_of_the_catalogue_is_there_once_and_in_order() {
        let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(
            ids.join(" "),
            "D001 D002 D003 D004 D010 D011 D012 D020 D021 D022 D023 D024 D025 D026 D027 D030 D031 D032 D033 D040 D041 \
             D042 D050 D051 D052 D053 D054 D055 D056 D060 D061 D062 D063 D064 D065 \
             D070 D071 D072 D073 D074 D075 D076 D077 D078"
        );
    }

    #[test]
    fn every_page_is_one_of_awss() {
        assert!(CHECKS.iter().all(|check| check.page.url.starts_with("https://docs.aws.amazon.com/")));
    }
}
