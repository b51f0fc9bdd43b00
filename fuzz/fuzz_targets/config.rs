//! Feeds bytes to the reader of `vss.toml`: diagnostics, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let _ = vssctl::config::load_text("vss.toml", &text, None);
});
