//! What a look inside shows: D030, D032, D040, D041, D050, D051, D052, D054, D055.

use super::inspection::{Inspection, Proxy};
use super::{Notes, Patient, Severity, why};
use crate::vss::evidence::Known;
use crate::vss::version::{PROVIDER, PROXY, System, compare};

/// .NET Framework 4.6.
const DOTNET_4_6: u32 = 393_295;
/// The oldest AWS Tools for PowerShell.
const TOOLS: &str = "3.3.48.0";
/// The providers that Windows and the package bring.
const PROVIDERS: [&str; 2] = ["Microsoft", "Ec2VssProvider"];

pub(super) fn check(patient: &Patient<'_>, notes: &mut Notes) {
    let inspection = match patient.evidence.inspections.get(&patient.instance.id) {
        Some(Known::Known(inspection)) => inspection,
        Some(unknown) => {
            notes.undecided("D030", &patient.subject, why(unknown));
            return;
        }
        None => return,
    };
    providers(patient, inspection, notes);
    network(patient, inspection, notes);
    writers(patient, inspection, notes);
    powershell(patient, inspection, notes);
}

fn providers(patient: &Patient<'_>, inspection: &Inspection, notes: &mut Notes) {
    let Some(providers) = &inspection.providers else { return };
    let seen = vec![format!("vssadmin list providers: {}", providers.join(", "))];
    let is_ours = |name: &String| name.contains("Ec2VssProvider");
    if inspection.executable == Some(true) && !providers.iter().any(is_ours) {
        notes.find(
            "D032",
            &patient.subject,
            "the VSS provider of AwsVssComponents is not registered",
            seen.clone(),
            match patient.only() {
                Some(only) => format!("uninstall and reinstall AwsVssComponents {only}"),
                None => format!("uninstall and reinstall AwsVssComponents, {PROVIDER} or later"),
            },
        );
    }
    let others: Vec<&str> = providers
        .iter()
        .map(String::as_str)
        .filter(|name| !PROVIDERS.iter().any(|known| name.contains(known)))
        .collect();
    if !others.is_empty() {
        notes.find(
            "D055",
            &patient.subject,
            format!("another VSS provider is present: {}", others.join(", ")),
            seen,
            "if VSS fails, look at whether that product's backups run at the same time",
        );
    }
}

fn network(patient: &Patient<'_>, inspection: &Inspection, notes: &mut Notes) {
    let proxy = match &inspection.proxy {
        Some(Proxy::Through(proxy)) => Some(proxy),
        Some(Proxy::Direct) | None => None,
    };
    if let (Some(proxy), Some(version)) = (proxy, patient.version().filter(|version| version.is_before(PROXY))) {
        notes.find(
            "D041",
            &patient.subject,
            format!("AwsVssComponents {version} does not heed the WinHTTP proxy"),
            vec![format!("proxy {proxy}")],
            match patient.system.as_ref().and_then(System::rule) {
                Some(rule) if patient.only().is_some_and(|only| compare(only, PROXY).is_lt()) => {
                    format!("let the instance reach EC2 without the proxy: {rule}")
                }
                Some(_) | None => patient.about_package(&format!("bring the package to {PROXY} or later")),
            },
        );
    }
    for (name, reached) in &inspection.endpoints {
        // Behind a proxy a direct connection to an endpoint says nothing. The instance metadata are never behind a
        // proxy.
        if *reached || (name != "metadata" && proxy.is_some()) {
            continue;
        }
        let region = &patient.evidence.scope.region;
        let (problem, remedy, severity) = match name.as_str() {
            "metadata" => (
                "the instance does not reach its metadata, and so has no credentials".to_owned(),
                "let 169.254.169.254 be reached without a proxy and past the host's firewall".to_owned(),
                Severity::Error,
            ),
            "ec2" => (
                "the instance does not reach the EC2 endpoint".to_owned(),
                format!(
                    "create the interface endpoint com.amazonaws.{region}.ec2 with private DNS, and allow port 443 \
                     from the instance"
                ),
                Severity::Error,
            ),
            // The look inside itself used Systems Manager, so the instance reaches these endpoints by some way.
            other => (
                format!("the instance does not reach the endpoint of {other} directly"),
                format!(
                    "create the interface endpoint com.amazonaws.{region}.{other} with private DNS, if there is no \
                     other way to it"
                ),
                Severity::Advice,
            ),
        };
        notes.find_as(
            "D040",
            severity,
            &patient.subject,
            problem,
            vec![format!("port 443 of {name} did not answer")],
            remedy,
        );
    }
}

fn writers(patient: &Patient<'_>, inspection: &Inspection, notes: &mut Notes) {
    let remedy = "restart the service of the writer (and wait 10 minutes: Microsoft advises up to 3 tries), lower the \
                  I/O at the time of the backup, and exclude the package from antivirus";
    for writer in inspection.writers.iter().flatten().filter(|writer| !writer.is_well()) {
        let error = writer.error.to_lowercase();
        let passes = error.contains("timed out") || error.starts_with("retryable");
        let id = if passes { "D052" } else { "D051" };
        notes.find(
            id,
            &patient.subject,
            format!(
                "the VSS writer `{}` is not well: {}",
                writer.name,
                if writer.error.is_empty() { &writer.words } else { &writer.error }
            ),
            vec![format!("State: [{}] {}, Last error: {}", writer.state, writer.words, writer.error)],
            remedy,
        );
    }
    if !inspection.events.is_empty() {
        notes.find_as(
            "D050",
            Severity::Advice,
            &patient.subject,
            "VSS wrote warnings to the event log in the last week",
            inspection.events.iter().take(5).cloned().collect(),
            "look at the sources VSS and Ec2VssSoftwareProvider of the Application log around the time of a backup",
        );
    }
}

fn powershell(patient: &Patient<'_>, inspection: &Inspection, notes: &mut Notes) {
    let mut find = |problem: String, seen: String, severity: Severity, remedy: &str| {
        notes.find_as("D054", severity, &patient.subject, problem, vec![seen], remedy);
    };
    if let Some(language) = inspection.language.as_deref().filter(|language| *language != "FullLanguage") {
        find(
            format!("PowerShell runs in {language} mode, in which the snapshot script fails"),
            format!("LanguageMode {language}"),
            Severity::Error,
            "let PowerShell run as SYSTEM in FullLanguage mode: look at AppLocker, Device Guard and __PSLockdownPolicy",
        );
    }
    if let Some(version) = inspection.powershell.as_deref().filter(|version| compare(version, "3.0").is_lt()) {
        find(
            "Windows PowerShell is older than 3".to_owned(),
            format!("PowerShell {version}"),
            Severity::Warning,
            "install Windows Management Framework 5.1",
        );
    }
    if let Some(release) = inspection.dotnet.filter(|release| *release < DOTNET_4_6) {
        find(
            ".NET Framework is older than 4.6".to_owned(),
            format!("release {release}"),
            Severity::Warning,
            "install .NET Framework 4.6 or later",
        );
    }
    if let Some(version) = inspection.tools.as_deref().filter(|version| compare(version, TOOLS).is_lt()) {
        find(
            format!("the AWS Tools for PowerShell are older than {TOOLS}"),
            format!("AWS Tools {version}"),
            Severity::Warning,
            "update the AWS Tools for Windows PowerShell",
        );
    }
}
