//! The log on stderr.

use tracing_subscriber::EnvFilter;

use super::arguments::Global;

/// Starts the log on stderr: `VSSCTL_LOG` names what is logged, `-v` raises it.
pub(super) fn start_log(global: &Global) {
    let text = std::env::var("VSSCTL_LOG").unwrap_or_else(|_| {
        match global.verbose {
            0 => "off",
            1 => "vssctl=info",
            2 => "vssctl=debug,aws_config=info",
            _ => "vssctl=trace,info",
        }
        .to_owned()
    });
    if text == "off" {
        return;
    }
    // The SDK's debug and trace logs hold signed requests. Its level is capped at info, whatever is asked for.
    let capped = ["aws_", "aws_smithy", "hyper", "rustls"]
        .iter()
        .filter(|_| text.contains("debug") || text.contains("trace"))
        .fold(text.clone(), |filter, target| format!("{filter},{target}=info"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(capped))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}
