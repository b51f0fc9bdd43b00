//! The instance's profile and role, and the package that the managed policy needs: D011, D020, D021, D022, D030, D031.

use super::access::{Access, Denials, Need, access};
use super::inspection::EXECUTABLE;
use super::notes::trusting;
use super::{Finding, Notes, Patient, Severity, why};
use crate::vss::evidence::{Known, Role, VSS_CONFIG};
use crate::vss::package::{Installed, PackageSource};
use crate::vss::version::{MANAGED_POLICY, System, Version, WITHOUT_ATTRIBUTES, compare};

/// The newest agent that works without the permission to read documents; later agents need it.
const LAST_LENIENT_AGENT: &str = "3.3.1230.0";

pub(super) fn check(patient: &Patient<'_>, notes: &mut Notes) {
    if !patient.instance.windows {
        return;
    }
    package(patient, notes);
    if let Some(role) = role(patient, notes) {
        ec2(patient, role, notes);
        systems_manager(patient, role, notes);
    }
}

/// What is known about the package without its permissions.
fn package(patient: &Patient<'_>, notes: &mut Notes) {
    let Some(package) = &patient.package else {
        let lists = [&patient.evidence.packages, &patient.evidence.commands, &patient.evidence.associations];
        for list in lists.into_iter().filter(|list| list.unread().is_some()) {
            notes.undecided("D031", &patient.subject, why(list));
        }
        return;
    };
    if package.installed == Installed::Gone {
        notes.find(
            "D030",
            &patient.subject,
            "AwsVssComponents is not on the instance",
            vec![match package.source {
                PackageSource::File => format!("{EXECUTABLE} was not there at {}", package.at.for_people()),
                source => format!("{} of {} says so", source.words(), package.at.for_people()),
            }],
            patient.about_package(
                "run AWS-ConfigureAWSPackage with `Install` and `Uninstall and reinstall`, which a \
                 `[package.AwsVssComponents]` that targets the instance does once it is applied (`vssctl plan` says \
                 whether it is); if the agent says that it is installed all the same, uninstall it first",
            ),
        );
    }
}

/// Finds the role of the instance.
fn role<'a>(patient: &Patient<'a>, notes: &mut Notes) -> Option<&'a Role> {
    let Patient { evidence, instance, subject, .. } = patient;
    let plain = "attach an instance profile with one role that EC2 may assume: `[role.NAME] preset = \
                 \"vss-instance\"` makes both";
    let remedy = match patient.system.as_ref().and_then(System::policy_advice) {
        Some(advice) => format!("attach an instance profile with one role that EC2 may assume, and {advice}"),
        None => plain.to_owned(),
    };
    let remedy = remedy.as_str();
    let Some(arn) = &instance.profile_arn else {
        notes.find(
            "D020",
            subject,
            "the instance has no instance profile",
            vec!["no IamInstanceProfile".to_owned()],
            if remedy == plain { lines_to_add(patient) } else { remedy.to_owned() },
        );
        return None;
    };
    let (Known::Known(profiles), Known::Known(roles)) = (&evidence.profiles, &evidence.roles) else {
        for reason in [why(&evidence.profiles), why(&evidence.roles)].iter().filter(|reason| !reason.is_empty()) {
            notes.undecided("D020", subject, reason);
            notes.undecided("D021", subject, reason);
        }
        return None;
    };
    let seen = vec![format!("instance profile {arn}")];
    let put_back = patient.is_declared.then(|| {
        let name = arn.rsplit('/').next().unwrap_or(arn);
        format!("the file declares {name}: `vssctl plan` shows what puts it back, and `vssctl apply` does it")
    });
    let put_back = put_back.as_deref().unwrap_or(remedy);
    let Some(profile) = profiles.get(arn) else {
        notes.find("D020", subject, "the instance's profile no longer exists", seen, put_back);
        return None;
    };
    let role = match profile.roles.as_slice() {
        [] => {
            notes.find("D020", subject, format!("the instance profile {} has no role", profile.name), seen, put_back);
            return None;
        }
        [role] => role,
        [_, ..] => {
            notes.find(
                "D020",
                subject,
                format!("the instance profile {} has several roles", profile.name),
                seen,
                remedy,
            );
            return None;
        }
    };
    let Some(role) = roles.get(role) else {
        notes.find(
            "D020",
            subject,
            format!("the role of the instance profile {} no longer exists", profile.name),
            seen,
            put_back,
        );
        return None;
    };
    let found = trusting(evidence, role, "ec2.amazonaws.com");
    if let Some(problem) = found.problem("ec2.amazonaws.com") {
        notes.find(
            "D020",
            subject,
            format!("EC2 may not assume the role {}", role.name),
            vec![format!("the trust policy of {} {problem}", role.arn)],
            found.remedy().unwrap_or(if patient.only().is_some() {
                "let ec2.amazonaws.com assume it"
            } else {
                "let ec2.amazonaws.com assume it, or take `preset = \"vss-instance\"`"
            }),
        );
        return None;
    }
    Some(role)
}

/// Writes the lines that put an instance profile onto an instance: the file's own, or one with a role as AWS wants it.
fn lines_to_add(patient: &Patient<'_>) -> String {
    let id = &patient.instance.id;
    let (role, profile) = match &patient.profile_of_file {
        Some(profile) => (String::new(), profile.as_str()),
        None => ("`[role.VssInstance]` with `preset = \"vss-instance\"`, and ".to_owned(), "VssInstance"),
    };
    format!(
        "attach one: add {role}`[attachment.{id}]` with `instance_profile = \"{profile}\"` and `targets = {{ \
         instance_ids = [\"{id}\"] }}` to the file, and run `vssctl apply`"
    )
}

/// Adds the keys of requests that the instance makes about itself and about what it makes: its tags are known, and what
/// is being made has none before.
fn source(patient: &Patient<'_>, need: Need) -> Need {
    let Patient { evidence, instance, .. } = patient;
    let arn = evidence.instance_arn(&instance.id);
    let mut need = need.with("ec2:SourceInstanceARN", &arn).with("ec2:InstanceId", &instance.id).with_all_tags();
    if need.resource == arn {
        for (key, value) in &instance.tags {
            need = need.with(&format!("aws:ResourceTag/{key}"), value).with(&format!("ec2:ResourceTag/{key}"), value);
        }
        need = need.with("ec2:InstanceType", &instance.instance_type);
    }
    need
}

/// The calls to EC2 that the package makes under the instance's own role during a backup by AWS Backup.
fn needs(patient: &Patient<'_>, with_tag: bool) -> Vec<Need> {
    let scope = &patient.evidence.scope;
    let (partition, region) = (scope.partition(), &scope.region);
    let arn = patient.evidence.instance_arn(&patient.instance.id);
    let snapshot = format!("arn:{partition}:ec2:{region}::snapshot/snap-0123456789abcdef0");
    let image = format!("arn:{partition}:ec2:{region}::image/ami-0123456789abcdef0");
    let own = |need: Need| source(patient, need);
    let marked = |need: Need| {
        if with_tag { own(need).with(&format!("aws:RequestTag/{VSS_CONFIG}"), "2.5.1") } else { own(need) }
    };
    let created = |need: Need| own(need).with("ec2:CreateAction", "CreateImage").with("aws:TagKeys", VSS_CONFIG);
    vec![
        marked(Need::new("ec2:CreateImage", &arn)),
        marked(Need::new("ec2:CreateImage", &image)),
        marked(Need::new("ec2:CreateImage", &snapshot)),
        created(Need::new("ec2:CreateTags", &image)),
        created(Need::new("ec2:CreateTags", &snapshot)),
        own(Need::new("ec2:DescribeImages", "*")),
    ]
}

fn ec2(patient: &Patient<'_>, role: &Role, notes: &mut Notes) {
    let Patient { subject, instance, evidence, .. } = patient;
    let (mut lacking, mut denials) = (Vec::new(), Denials::default());
    let mut note = |need: &Need, notes: &mut Notes| match access(&mut notes.powers, role, need) {
        Access::Allowed => {}
        Access::Denied => {
            denials.note(&notes.powers, role, need);
            if !lacking.contains(&need.action) {
                lacking.push(need.action);
            }
        }
        Access::Unknown(reason) => notes.undecided("D021", subject, reason),
    };
    for need in needs(patient, true) {
        note(&need, notes);
    }
    // Since 2.2.1 the package asks for the instance's attributes.
    let expected = patient.version().map(Version::as_str).or(patient.only());
    let asks_for_attributes = expected.is_none_or(|version| compare(version, WITHOUT_ATTRIBUTES).is_gt());
    let attribute = source(patient, Need::new("ec2:DescribeInstanceAttribute", evidence.instance_arn(&instance.id)));
    if asks_for_attributes {
        note(&attribute, notes);
    }
    let remedy = patient.about_role(
        "attach AWSEC2VssSnapshotPolicy to the role; if it is attached, look for a permissions boundary, a service \
         control policy or a VPC endpoint policy that denies ec2:CreateImage",
    );
    let remedy = if patient.is_declared {
        format!(
            "the file declares the role: `vssctl plan` shows whether something of it is gone, and `vssctl apply` puts \
             that back; else {remedy}"
        )
    } else {
        remedy
    };
    if !lacking.is_empty() {
        let severity = if lacking == ["ec2:DescribeInstanceAttribute"] && patient.version().is_none() {
            // Only versions since 2.2.1 make this call, and the version is not known.
            Severity::Warning
        } else {
            Severity::Error
        };
        let boundary = role.boundary.as_ref().map(|(arn, _)| format!("permissions boundary {arn}"));
        let mut seen = vec![format!("role {} does not allow {}", role.name, lacking.join(", "))];
        seen.extend(boundary);
        seen.extend(denials.seen());
        notes.find_as(
            "D021",
            severity,
            subject,
            format!("the role {} does not allow what VSS needs", role.name),
            seen,
            denials.remedy(&lacking, remedy),
        );
        return;
    }
    old_package(patient, role, notes);
}

/// The version that does not set the tag which the managed policy requires in each request: an installed one before
/// 2.3.1, and where nothing newer works on the system any that may be there.
fn without_tag(patient: &Patient<'_>) -> Option<String> {
    match (patient.package.as_ref().map(|package| &package.installed), patient.only()) {
        (Some(Installed::Version(version)), _) => version.is_before(MANAGED_POLICY).then(|| version.to_string()),
        (Some(Installed::Before(end)), None) => {
            compare(MANAGED_POLICY, end.as_str()).is_ge().then(|| format!("before {end}"))
        }
        (Some(Installed::Newest | Installed::AtLeast(_) | Installed::Gone), _)
        | (Some(Installed::Present) | None, None) => None,
        (Some(Installed::Before(_) | Installed::Present) | None, Some(only)) => {
            Some(only.to_owned()).filter(|only| compare(only, MANAGED_POLICY).is_lt())
        }
    }
}

/// The managed policy requires a tag in each request, which packages before 2.3.1 do not set.
fn old_package(patient: &Patient<'_>, role: &Role, notes: &mut Notes) {
    let Some(version) = without_tag(patient) else { return };
    let source = patient.package.as_ref().map(|package| format!(", by {}", package.source.words()));
    let mut seen =
        vec![format!("AwsVssComponents {version}{}", source.unwrap_or_default()), format!("role {}", role.name)];
    let denied = needs(patient, false).iter().any(|need| access(&mut notes.powers, role, need) == Access::Denied);
    if denied {
        seen.extend(patient.system.as_ref().and_then(System::rule));
        // Whoever gave an older server the policy of newer packages is likely to have given it one of them too.
        let is_advice = |finding: &&mut Finding| finding.check == "D002" && finding.subject == patient.subject;
        if let Some(finding) = notes.findings.iter_mut().find(is_advice).filter(|one| one.severity == Severity::Advice)
        {
            finding.severity = Severity::Warning;
        }
        notes.find_as(
            "D022",
            Severity::Error,
            &patient.subject,
            format!("AwsVssComponents {version} does not set the tag that the role's policy asks for"),
            seen,
            patient.about_role(&format!(
                "a `[package.AwsVssComponents]` that targets the instance brings the package to {MANAGED_POLICY} or \
                 later once it is applied (`vssctl plan` says whether it is; an association of others may undo it); or \
                 attach the older custom policy beside it"
            )),
        );
    } else if patient.only().is_none() {
        // Where nothing newer works the older package is the right one.
        notes.find(
            "D031",
            &patient.subject,
            format!("AwsVssComponents {version} is older than {MANAGED_POLICY}, with which AWS's managed policy works"),
            seen,
            "bring the package up to date with a `[package.AwsVssComponents]` that targets the instance (`vssctl plan` \
             says whether it is applied), then change to AWSEC2VssSnapshotPolicy",
        );
    }
}

fn systems_manager(patient: &Patient<'_>, role: &Role, notes: &mut Notes) {
    let Patient { evidence, instance, subject, .. } = patient;
    let agent = evidence.agents.known().and_then(|agents| agents.get(&instance.id));
    let is_online = agent.is_some_and(crate::vss::evidence::Agent::is_online);
    let denied = |action: &'static str, notes: &mut Notes| {
        access(&mut notes.powers, role, &Need::new(action, "*")) == Access::Denied
    };
    if !is_online
        && patient.is_running()
        && evidence.agents.known().is_some()
        && denied("ssm:UpdateInstanceInformation", notes)
    {
        notes.find(
            "D021",
            subject,
            format!("the role {} does not let the agent speak to Systems Manager", role.name),
            vec![format!(
                "role {} does not allow ssm:UpdateInstanceInformation, and the agent does not answer",
                role.name
            )],
            "attach AmazonSSMManagedInstanceCore to the role",
        );
        // This finding explains why the agent is silent.
        notes.findings.retain(|finding| !(finding.check == "D010" && finding.subject == *subject));
    }
    let strict = agent
        .and_then(|agent| agent.version.as_deref())
        .is_some_and(|version| compare(version, LAST_LENIENT_AGENT).is_gt());
    let lacking: Vec<&str> = ["ssm:GetDocument", "ssm:DescribeDocument", "ssm:GetManifest"]
        .into_iter()
        .filter(|action| denied(action, notes))
        .collect();
    if strict && !lacking.is_empty() {
        notes.find_as(
            "D011",
            Severity::Warning,
            subject,
            format!(
                "agents after {LAST_LENIENT_AGENT} must be allowed to read documents, else they say `Require valid \
                 document name`"
            ),
            vec![format!("role {} does not allow {}", role.name, lacking.join(", "))],
            "attach AmazonSSMManagedInstanceCore to the role",
        );
    }
}
