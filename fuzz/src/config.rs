//! The reader of `vss.toml`.

use vssctl::config;
use vssctl::render::diagnostics::{self, Style};

/// A configuration or errors, each of them printable.
pub fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let loaded = config::load_text("vss.toml", &text, None);
    assert_eq!(loaded.config.is_none(), loaded.diagnostics.has_errors(), "no configuration and no error, or both");
    let style = Style { colour: false, width: 100 };
    super::assert_printable(&diagnostics::render(&loaded.diagnostics, &loaded.sources, style));
}
