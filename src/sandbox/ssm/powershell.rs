//! Answers `AWS-RunPowerShellScript`. There is no PowerShell here: a script is read line by line, and lines that only
//! look at what a VSS backup needs are answered from the facts of the instance. Any other line makes the script fail
//! with a message that says so.

use std::fmt::Write as _;

use serde_json::Value;

use crate::sandbox::fleet::{Ailment, Instance};
use crate::sandbox::made;

const AGENT: &str = r"C:\Program Files\Amazon\AwsVssComponents\ec2-vss-agent.exe";

/// The output and the error output of a script.
pub(super) struct Printed {
    pub(super) success: bool,
    pub(super) output: String,
    pub(super) error: String,
}

/// Runs the lines of `commands` until one fails.
pub(super) fn run(instance: &Instance, parameters: &Value, now: i64) -> Printed {
    let commands = parameters.get("commands").and_then(Value::as_array).into_iter().flatten();
    let lines = commands.filter_map(Value::as_str).flat_map(str::lines);
    let mut output = String::new();
    for line in lines {
        match answer(instance, line.trim(), now) {
            Ok(text) => output.push_str(&text),
            Err(error) => return Printed { success: false, output, error },
        }
    }
    Printed { success: true, output, error: String::new() }
}

/// Returns what one line prints.
fn answer(instance: &Instance, line: &str, now: i64) -> Result<String, String> {
    let lower = line.to_ascii_lowercase();
    let ails = |ailment: Ailment| instance.ailments.contains(&ailment);
    let version = instance.packages(now).remove("AwsVssComponents");
    let has = |words: &[&str]| words.iter().all(|word| lower.contains(word));
    if line.is_empty() || line.starts_with('#') || is_preference(&lower) {
        return Ok(String::new());
    }
    if let Some(text) = literal(line) {
        return Ok(text.to_owned() + "\r\n");
    }
    let text = if has(&["ec2-vss-agent.exe", "test-path"]) {
        capital(version.is_some() && !ails(Ailment::MissingFiles)).to_owned()
    } else if has(&["ec2-vss-agent.exe", "versioninfo", "productversion"]) {
        match version.filter(|_| !ails(Ailment::MissingFiles)) {
            Some(version) => version,
            None if has(&["silentlycontinue"]) => return Ok(String::new()),
            None => return Err(format!("Get-Item : Cannot find path '{AGENT}' because it does not exist.")),
        }
    } else if has(&["vssadmin", "list writers"]) {
        writers(instance)
    } else if has(&["vssadmin", "list providers"]) {
        providers(instance, version.is_some() && !ails(Ailment::MissingFiles))
    } else if has(&["sessionstate.languagemode"]) {
        if ails(Ailment::ConstrainedLanguage) { "ConstrainedLanguage" } else { "FullLanguage" }.to_owned()
    } else if has(&["$psversiontable.psversion.major"]) {
        "5".to_owned()
    } else if has(&["$psversiontable.psversion"]) {
        format!("5.1.{}.2227", instance.os_version.rsplit('.').next().unwrap_or("20348"))
    } else if has(&[r"net framework setup\ndp\v4\full", "release"]) {
        "528449".to_owned()
    } else if has(&[r"net framework setup\ndp\v4\full", "version"]) {
        "4.8.04161".to_owned()
    } else if has(&["netsh", "winhttp", "show proxy"]) {
        let way = if ails(Ailment::Proxy) {
            "Proxy Server(s) :  proxy.corp.example.com:3128\r\n    Bypass List     :  169.254.169.254"
        } else {
            "Direct access (no proxy server)."
        };
        format!("\r\nCurrent WinHTTP proxy settings:\r\n\r\n    {way}\r\n")
    } else if has(&["get-awspowershellversion"]) {
        "AWS Tools for Windows PowerShell\r\nVersion 4.1.658".to_owned()
    } else if lower == "$env:computername" {
        computer(instance)
    } else if has(&["get-clustergroup"]) {
        if !ails(Ailment::SecondaryNode) {
            return Ok(String::new());
        }
        format!("{0}|Cluster Group\r\nNODE-2|SQL Server (MSSQLSERVER)\r\n{0}|Available Storage", computer(instance))
    } else if has(&["get-winevent"]) {
        return Ok(String::new());
    } else if has(&["test-netconnection", "169.254.169.254", "80"]) {
        capital(!ails(Ailment::NoMetadata)).to_owned()
    } else if has(&["test-netconnection", "443"]) {
        let is_shut = ails(Ailment::Proxy) || (ails(Ailment::NoEndpoint) && lower.contains("ec2."));
        capital(!is_shut).to_owned()
    } else {
        return Err(format!("The sandbox has no PowerShell and cannot answer: {line}"));
    };
    Ok(text + "\r\n")
}

fn computer(instance: &Instance) -> String {
    instance.computer_name.split('.').next().unwrap_or_default().to_ascii_uppercase()
}

fn capital(truth: bool) -> &'static str {
    if truth { "True" } else { "False" }
}

/// Tells whether a line sets a preference such as `$ErrorActionPreference = 'Stop'`, which changes nothing here.
fn is_preference(line: &str) -> bool {
    line.split_once('=').is_some_and(|(name, _)| name.trim_end().ends_with("preference") && line.starts_with('$'))
}

/// Returns the text that a line prints literally: `'text'`, `"text"` or `Write-Output 'text'`, as long as no part of it
/// is computed.
fn literal(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("Write-Output ").or_else(|| line.strip_prefix("Write-Host ")).unwrap_or(line).trim();
    let single = rest.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let double = || rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    single.filter(|text| !text.contains('\'')).or_else(|| double().filter(|text| !text.contains(['"', '$', '`'])))
}

const TITLE: &str = concat!(
    "vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\r\n",
    "(C) Copyright 2001-2013 Microsoft Corp.\r\n"
);

/// Answers `vssadmin list writers`. A broken writer is the one of the machine's main service.
fn writers(instance: &Instance) -> String {
    let mut names =
        vec!["Task Scheduler Writer", "VSS Metadata Store Writer", "System Writer", "Registry Writer", "WMI Writer"];
    let name = instance.name.to_ascii_lowercase();
    if name.contains("sql") {
        names.push("SqlServerWriter");
    } else if name.starts_with("dc") || name.starts_with("ad-") {
        names.push("NTDS");
    }
    let broken = if names.len() > 5 { names[5] } else { "System Writer" };
    let mut text = TITLE.to_owned();
    for name in names {
        let ails = |ailment: Ailment| name == broken && instance.ailments.contains(&ailment);
        let (state, error) = if ails(Ailment::FailedWriter) {
            ("[8] Failed", "Non-retryable error")
        } else if ails(Ailment::TimedOutWriter) {
            ("[9] Failed", "Timed out")
        } else {
            ("[1] Stable", "No error")
        };
        let (id, own) = (made::uuid_of(name), made::uuid_of(&format!("{}/{name}", instance.id)));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\r\nWriter name: '{name}'\r\n   Writer Id: {{{id}}}\r\n   Writer Instance Id: {{{own}}}\r\n   \
             State: {state}\r\n   Last error: {error}\r\n"
        );
    }
    text
}

/// Answers `vssadmin list providers`.
fn providers(instance: &Instance, installed: bool) -> String {
    let mut text = format!(
        "{TITLE}\r\nProvider name: 'Microsoft Software Shadow Copy provider 1.0'\r\n   Provider type: System\r\n   \
         Provider Id: {{b5946137-7b9f-4925-af80-51abd60b20d5}}\r\n   Version: 1.0.0.7\r\n"
    );
    if instance.ailments.contains(&Ailment::OtherProvider) {
        let id = made::uuid_of("Example Backup VSS Provider");
        let _ = write!(
            text,
            "\r\nProvider name: 'Example Backup VSS Provider'\r\n   Provider type: Software\r\n   \
             Provider Id: {{{id}}}\r\n   Version: 8.1.0.0\r\n"
        );
    }
    if installed && !instance.ailments.contains(&Ailment::UnregisteredProvider) {
        let id = made::uuid_of("Ec2VssProvider");
        let _ = write!(
            text,
            "\r\nProvider name: 'Ec2VssProvider'\r\n   Provider type: Software\r\n   \
             Provider Id: {{{id}}}\r\n   Version: 1.0.0.0\r\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::fleet::{Fleet, PackageChange};

    fn instance() -> Instance {
        let mut instance = Fleet::seed("eu-west-1", "123456789012").named("sql-1").unwrap().clone();
        let version = Some("2.5.1".to_owned());
        let package = "AwsVssComponents".to_owned();
        instance.package_changes.push(PackageChange { package, version, at: 0, by: String::new() });
        instance
    }

    fn lines(instance: &Instance, lines: &[&str]) -> Result<String, String> {
        let printed = run(instance, &json!({"commands": lines}), 1);
        if printed.success { Ok(printed.output) } else { Err(printed.error) }
    }

    #[test]
    fn the_checks_are_answered_from_what_the_instance_is() {
        let mut instance = instance();
        let version =
            r"(Get-Item 'C:\Program Files\Amazon\AwsVssComponents\ec2-vss-agent.exe').VersionInfo.ProductVersion";
        assert_eq!(lines(&instance, &[version]).unwrap(), "2.5.1\r\n");
        let writers = lines(&instance, &["'### writers'", "vssadmin list writers"]).unwrap();
        assert!(writers.starts_with("### writers\r\n") && writers.contains("SqlServerWriter"));
        assert!(!writers.contains("Failed"));
        assert!(lines(&instance, &["vssadmin list providers"]).unwrap().contains("Ec2VssProvider"));
        let language = "$ExecutionContext.SessionState.LanguageMode";
        assert_eq!(lines(&instance, &[language]).unwrap(), "FullLanguage\r\n");
        instance.ailments = [Ailment::FailedWriter, Ailment::MissingFiles, Ailment::ConstrainedLanguage].into();
        assert!(lines(&instance, &[version]).unwrap_err().contains("Cannot find path"));
        assert!(lines(&instance, &["vssadmin list writers"]).unwrap().contains("State: [8] Failed"));
        assert!(!lines(&instance, &["vssadmin list providers"]).unwrap().contains("Ec2VssProvider"));
        assert_eq!(lines(&instance, &[language]).unwrap(), "ConstrainedLanguage\r\n");
    }

    #[test]
    fn what_cannot_be_answered_fails_and_says_so() {
        let error = lines(&instance(), &["netsh winhttp show proxy", "Stop-Computer"]).unwrap_err();
        assert!(error.contains("cannot answer: Stop-Computer"), "{error}");
        assert!(lines(&instance(), &["\"$env:COMPUTERNAME\""]).is_err());
    }
}
