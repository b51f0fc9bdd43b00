//! A look inside an instance: one PowerShell script, which only reads, and the parser of its output.
//!
//! The script prints sections, each under `== name`. Raw answers of `vssadmin` and `netsh` are parsed here, where there
//! are tests. The script calls no methods: they fail in `ConstrainedLanguage` mode, which it has to detect.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::Scope;
use crate::vss::Moment;

/// The document that runs the script.
pub const DOCUMENT: &str = "AWS-RunPowerShellScript";
/// The first line of the script's output; the number is the version of its form.
pub const FIRST_LINE: &str = "== vssctl inspection 1";
/// The last line: without it the output was cut off.
pub const LAST_LINE: &str = "== end";
/// Where the package installs its executable.
pub const EXECUTABLE: &str = r"C:\Program Files\Amazon\AwsVssComponents\ec2-vss-agent.exe";

/// What a look inside showed. What the output did not have is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// When the look was made.
    pub at: Option<Moment>,
    /// The package's executable is there.
    pub executable: Option<bool>,
    /// Its product version.
    pub version: Option<String>,
    /// PowerShell's language mode.
    pub language: Option<String>,
    /// PowerShell's version.
    pub powershell: Option<String>,
    /// The release number of .NET Framework 4.
    pub dotnet: Option<u32>,
    /// The version of the AWS Tools for PowerShell.
    pub tools: Option<String>,
    /// The `WinHTTP` proxy.
    pub proxy: Option<Proxy>,
    /// The VSS writers.
    pub writers: Option<Vec<Writer>>,
    /// The names of the VSS providers.
    pub providers: Option<Vec<String>>,
    /// Whether endpoints could be reached, by name: `ec2`, `ssm`, `ssmmessages`, `metadata`.
    pub endpoints: BTreeMap<String, bool>,
    /// The computer's name.
    pub computer: Option<String>,
    /// The groups of the failover cluster that it is in: owner and name.
    pub cluster: Option<Vec<(String, String)>>,
    /// Events of the last week about VSS: `time source id`.
    pub events: Vec<String>,
}

/// How the system reaches the internet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proxy {
    /// Without a proxy.
    Direct,
    /// Through this host and port.
    Through(String),
}

/// A VSS writer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Such as `SqlServerWriter`.
    pub name: String,
    /// The number of its state: 1 is stable, 2 to 5 are waiting, from 6 on it failed.
    pub state: u32,
    /// The state in words.
    pub words: String,
    /// Its last error.
    pub error: String,
}

impl Writer {
    /// Tells whether the writer is healthy. A writer that waits is about to be backed up.
    pub fn is_well(&self) -> bool {
        self.state < 6 && (self.error.is_empty() || self.error.eq_ignore_ascii_case("No error"))
    }
}

/// An output that is not the script's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InspectionError {
    /// The first line is not there.
    #[error("the output does not begin with `{FIRST_LINE}`")]
    NotOurs,
    /// The last line is not there: Systems Manager keeps 24,000 characters.
    #[error("the output is cut off")]
    CutOff,
}

/// Returns the script for a region, one command an element.
pub fn script(scope: &Scope) -> Vec<String> {
    let suffix = scope.dns_suffix();
    let reach = |name: &str, host: &str, port: u16| {
        [
            format!("'== endpoint {name}'"),
            format!("Test-NetConnection {host} -Port {port} -InformationLevel Quiet -WarningAction SilentlyContinue"),
        ]
    };
    let region = &scope.region;
    let mut lines: Vec<String> = [
        "# Written by vssctl: reads, and changes nothing.",
        &format!("'{FIRST_LINE}'"),
        "'== executable'",
        &format!("Test-Path '{EXECUTABLE}'"),
        "'== version'",
        &format!("(Get-Item '{EXECUTABLE}' -ErrorAction SilentlyContinue).VersionInfo.ProductVersion"),
        "'== language'",
        "\"$($ExecutionContext.SessionState.LanguageMode)\"",
        "'== powershell'",
        "\"$($PSVersionTable.PSVersion)\"",
        "'== dotnet'",
        "(Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\NET Framework Setup\\NDP\\v4\\Full' -ErrorAction \
         SilentlyContinue).Release",
        "'== tools'",
        "Get-AWSPowerShellVersion -ErrorAction SilentlyContinue",
        "'== proxy'",
        "netsh winhttp show proxy",
        "'== computer'",
        "$env:COMPUTERNAME",
        // A server without the failover clustering feature does not have the command.
        "'== cluster'",
        "Get-ClusterGroup -ErrorAction SilentlyContinue | ForEach-Object { '{0}|{1}' -f $_.OwnerNode, $_.Name }",
        "'== writers'",
        // With code page 437 Windows prints English.
        "cmd /c 'chcp 437 >nul & vssadmin list writers'",
        "'== providers'",
        "cmd /c 'chcp 437 >nul & vssadmin list providers'",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    for (name, service) in [("ec2", "ec2"), ("ssm", "ssm"), ("ssmmessages", "ssmmessages")] {
        lines.extend(reach(name, &format!("{service}.{region}.{suffix}"), 443));
    }
    lines.extend(reach("metadata", "169.254.169.254", 80));
    lines.extend([
        "'== events'".to_owned(),
        "Get-WinEvent -FilterHashtable @{LogName='Application'; ProviderName='VSS','Ec2VssSoftwareProvider'; \
         Level=1,2,3; StartTime=(Get-Date).AddDays(-7)} -MaxEvents 20 -ErrorAction SilentlyContinue | ForEach-Object { \
         '{0:s} {1} {2}' -f $_.TimeCreated, $_.ProviderName, $_.Id }"
            .to_owned(),
        format!("'{LAST_LINE}'"),
    ]);
    lines
}

/// Reads what the script printed.
pub fn parse(output: &str) -> Result<Inspection, InspectionError> {
    let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
    let begin = lines.iter().position(|line| *line == FIRST_LINE).ok_or(InspectionError::NotOurs)?;
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    let mut is_whole = false;
    for line in &lines[begin + 1..] {
        if *line == LAST_LINE {
            is_whole = true;
            break;
        }
        match line.strip_prefix("== ") {
            Some(next) => name = next.trim(),
            None => sections.entry(name).or_default().push(line),
        }
        sections.entry(name).or_default();
    }
    if !is_whole {
        return Err(InspectionError::CutOff);
    }
    let value = |name: &str| {
        let mut lines = sections.get(name).into_iter().flatten().map(|line| line.trim());
        lines.find(|line| !line.is_empty()).map(str::to_owned)
    };
    let truth = |text: &str| match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    let endpoints = sections.keys().filter_map(|section| {
        let name = section.strip_prefix("endpoint ")?;
        Some((name.to_owned(), truth(&value(section)?)?))
    });
    Ok(Inspection {
        at: None,
        executable: value("executable").as_deref().and_then(truth),
        version: value("version").filter(|version| version.starts_with(|first: char| first.is_ascii_digit())),
        language: value("language"),
        powershell: value("powershell"),
        dotnet: value("dotnet").and_then(|text| text.parse().ok()),
        tools: sections.get("tools").and_then(|lines| tools(lines)),
        proxy: sections.get("proxy").and_then(|lines| proxy(lines)),
        writers: sections.get("writers").and_then(|lines| writers(lines)),
        providers: sections.get("providers").map(|lines| quoted(lines)),
        endpoints: endpoints.collect(),
        computer: value("computer"),
        cluster: sections.get("cluster").and_then(|lines| groups(lines)),
        events: sections
            .get("events")
            .into_iter()
            .flatten()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect(),
    })
}

/// Reads `Get-AWSPowerShellVersion`: the line that begins with `Version`.
fn tools(lines: &[&str]) -> Option<String> {
    lines.iter().find_map(|line| line.trim().strip_prefix("Version ")).map(|version| version.trim().to_owned())
}

/// Reads `netsh winhttp show proxy`, which answers in the system's language: a proxy is what looks like `host:port`.
fn proxy(lines: &[&str]) -> Option<Proxy> {
    if lines.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    let is_proxy = |word: &&str| {
        word.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    Some(words.into_iter().find(is_proxy).map_or(Proxy::Direct, |proxy| Proxy::Through(proxy.to_owned())))
}

/// Reads `vssadmin list writers`: blocks of a name in quotes, a state in brackets, and the last error.
fn writers(lines: &[&str]) -> Option<Vec<Writer>> {
    let mut found: Vec<Writer> = Vec::new();
    for line in lines.iter().map(|line| line.trim()) {
        let Some((label, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if let Some(name) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            found.push(Writer { name: name.to_owned(), ..Writer::default() });
        } else if let Some(writer) = found.last_mut() {
            let state = value.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            if let Some((number, words)) = state.and_then(|(number, words)| Some((number.parse().ok()?, words))) {
                writer.state = number;
                words.trim().clone_into(&mut writer.words);
            } else if label.trim().eq_ignore_ascii_case("Last error") {
                value.clone_into(&mut writer.error);
            }
        }
    }
    // Without the VSS service there is no list of writers, which is not the same as an empty list.
    (!found.is_empty()).then_some(found)
}

/// Reads the cluster's groups, `OWNER|NAME` each.
fn groups(lines: &[&str]) -> Option<Vec<(String, String)>> {
    let pairs = lines.iter().filter_map(|line| line.trim().split_once('|'));
    let groups: Vec<(String, String)> = pairs.map(|(owner, name)| (owner.to_owned(), name.to_owned())).collect();
    (!groups.is_empty()).then_some(groups)
}

/// Finds the names in quotes of `vssadmin list providers`.
fn quoted(lines: &[&str]) -> Vec<String> {
    let names = lines.iter().filter_map(|line| {
        let (_, value) = line.split_once(':')?;
        value.trim().strip_prefix('\'')?.strip_suffix('\'')
    });
    names.map(str::to_owned).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The output on a healthy server.
    pub(crate) const HEALTHY: &str = "\
== vssctl inspection 1\r
== executable\r
True\r
== version\r
2.5.1.0\r
== language\r
FullLanguage\r
== powershell\r
5.1.20348.2849\r
== dotnet\r
528449\r
== tools\r
\r
AWS Tools for Windows PowerShell\r
Version 4.1.700\r
Copyright 2012-2024 Amazon.com, Inc. or its affiliates. All Rights Reserved.\r
== proxy\r
\r
Current WinHTTP proxy settings:\r
\r
    Direct access (no proxy server).\r
\r
== writers\r
vssadmin 1.1 - Volume Shadow Copy Service administrative command-line tool\r
(C) Copyright 2001-2013 Microsoft Corp.\r
\r
Writer name: 'Task Scheduler Writer'\r
   Writer Id: {d61d61c8-d73a-4eee-8cdd-f6f9786b7124}\r
   Writer Instance Id: {1bddd48e-5052-49db-9b07-b96f96727e6b}\r
   State: [1] Stable\r
   Last error: No error\r
\r
Writer name: 'SqlServerWriter'\r
   Writer Id: {a65faa63-5ea8-4ebc-9dbd-a0c4db26912a}\r
   Writer Instance Id: {0d2ccdf8-64ec-4d8a-8a3a-8f0c4bd8d5a1}\r
   State: [5] Waiting for completion\r
   Last error: No error\r
\r
== providers\r
Provider name: 'Microsoft Software Shadow Copy provider 1.0'\r
   Provider type: System\r
Provider name: 'Ec2VssProvider'\r
   Provider type: Software\r
== endpoint ec2\r
True\r
== endpoint ssm\r
True\r
== endpoint ssmmessages\r
True\r
== endpoint metadata\r
True\r
== events\r
== end\r
";

    #[test]
    fn a_healthy_server_reads_as_one() {
        let inspection = parse(HEALTHY).unwrap();
        assert_eq!(inspection.executable, Some(true));
        assert_eq!(inspection.version.as_deref(), Some("2.5.1.0"));
        assert_eq!(inspection.language.as_deref(), Some("FullLanguage"));
        assert_eq!((inspection.dotnet, inspection.tools.as_deref()), (Some(528_449), Some("4.1.700")));
        assert_eq!(inspection.proxy, Some(Proxy::Direct));
        let writers = inspection.writers.unwrap();
        assert!(writers.len() == 2 && writers.iter().all(Writer::is_well));
        assert!(inspection.providers.unwrap().iter().any(|name| name == "Ec2VssProvider"));
        assert!(inspection.endpoints.len() == 4 && inspection.endpoints.values().all(|reached| *reached));
    }

    #[test]
    fn failed_writers_and_proxies_are_seen() {
        let output = HEALTHY
            .replace("[5] Waiting for completion\r\n   Last error: No error", "[8] Failed\r\n   Last error: Timed out")
            .replace("Direct access (no proxy server).", "Proxy Server(s) :  proxy.corp.example.com:3128");
        let inspection = parse(&output).unwrap();
        let writers = inspection.writers.unwrap();
        let ill: Vec<(&str, &str)> = writers
            .iter()
            .filter(|writer| !writer.is_well())
            .map(|writer| (writer.name.as_str(), writer.error.as_str()))
            .collect();
        assert_eq!(ill, [("SqlServerWriter", "Timed out")]);
        assert_eq!(inspection.proxy, Some(Proxy::Through("proxy.corp.example.com:3128".to_owned())));
    }

    #[test]
    fn what_is_not_there_is_not_made_up() {
        let output = HEALTHY.replace("True\r\n== version\r\n2.5.1.0\r\n", "False\r\n== version\r\n");
        let inspection = parse(&output).unwrap();
        assert_eq!((inspection.executable, inspection.version), (Some(false), None));
        let bare = parse("== vssctl inspection 1\n== end\n").unwrap();
        assert_eq!(bare, Inspection::default());
    }

    #[test]
    fn an_output_that_is_cut_off_or_somebody_elses_is_none() {
        assert_eq!(parse(&HEALTHY[..HEALTHY.len() - 20]), Err(InspectionError::CutOff));
        assert_eq!(parse("hello"), Err(InspectionError::NotOurs));
    }

    #[test]
    fn the_script_prints_what_the_parser_reads_and_calls_no_methods_but_of_core_types() {
        let scope = crate::vss::fixture::scope();
        let script = script(&scope);
        for section in [
            "executable",
            "version",
            "language",
            "powershell",
            "dotnet",
            "tools",
            "proxy",
            "writers",
            "providers",
            "events",
        ] {
            assert!(script.contains(&format!("'== {section}'")), "{section}");
        }
        assert!(script.iter().any(|line| line.contains("ec2.eu-west-1.amazonaws.com")));
        let verbs = ["Set-", "Remove-", "New-", "Install-", "Stop-", "Start-", "Restart-", "Out-File", ">>"];
        assert!(script.iter().all(|line| verbs.iter().all(|verb| !line.contains(verb))));
        let china = Scope { region: "cn-north-1".to_owned(), ..scope };
        assert!(super::script(&china).iter().any(|line| line.contains("ec2.cn-north-1.amazonaws.com.cn")));
    }

    proptest! {
        #[test]
        fn no_output_makes_the_parser_panic(text in any::<String>(), cut in 0_usize..1_000) {
            let _ = parse(&text);
            let _ = parse(&format!("{FIRST_LINE}\n== writers\n{text}\n== end"));
            let _ = parse(&HEALTHY[..cut.min(HEALTHY.len())]);
        }
    }
}
