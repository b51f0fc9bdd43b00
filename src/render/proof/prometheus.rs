//! Prometheus' text format, for the textfile collector of the node exporter or a push gateway: AWS has no metric that
//! tells a VSS backup from a regular one.

use std::fmt::Write as _;

use crate::model::Scope;
use crate::vss::verify::{Report, Verdict, Verified};

/// Renders verdicts.
pub fn verify(report: &Report, scope: &Scope) -> String {
    let mut text = String::new();
    let place = format!("account=\"{}\",region=\"{}\"", label(&scope.account_id), label(&scope.region));
    family(&mut text, "vssctl_instances", "Protected instances by the verdict on their newest backup.");
    for verdict in Verdict::ALL {
        let _ = writeln!(text, "vssctl_instances{{{place},verdict=\"{}\"}} {}", verdict.name(), report.count(verdict));
    }
    let of = |verified: &Verified| {
        format!("{place},instance=\"{}\",name=\"{}\"", label(&verified.id), label(&verified.name))
    };
    family(
        &mut text,
        "vssctl_backup_consistent",
        "1 where the newest backup is application-consistent and not too old, else 0; nothing where it is unknown.",
    );
    for verified in &report.instances {
        let value = match verified.verdict {
            Verdict::Consistent => 1,
            Verdict::Failed | Verdict::CrashOnly | Verdict::Never | Verdict::Stale => 0,
            Verdict::Unknown | Verdict::Pending => continue,
        };
        let verdict = verified.verdict.name();
        let _ = writeln!(text, "vssctl_backup_consistent{{{},verdict=\"{verdict}\"}} {value}", of(verified));
    }
    family(
        &mut text,
        "vssctl_last_vss_backup_timestamp_seconds",
        "When the newest backup ended of which AWS says that VSS worked.",
    );
    for (verified, past) in report.instances.iter().filter_map(|one| Some((one, one.last_vss.as_ref()?))) {
        let _ = writeln!(text, "vssctl_last_vss_backup_timestamp_seconds{{{}}} {}", of(verified), past.at.seconds());
    }
    family(&mut text, "vssctl_unread", "Lists that could not be read: what they hold is unknown.");
    let _ = writeln!(text, "vssctl_unread{{{place}}} {}", report.unread.len());
    family(&mut text, "vssctl_verify_timestamp_seconds", "When the account was read.");
    let _ = writeln!(text, "vssctl_verify_timestamp_seconds{{{place}}} {}", report.read_at.seconds());
    text
}

fn family(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// Escapes a label's value.
fn label(value: &str) -> String {
    crate::model::safe::escaped(value).replace('\\', "\\\\").replace('"', "\\\"")
}
