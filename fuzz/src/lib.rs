//! What a fuzz target does with bytes. `fuzz_targets/` hands them over from libFuzzer; `tests/it/fuzz.rs` includes these
//! modules and feeds them from the kept corpora with a mutator of its own, on any toolchain.

pub mod config;
pub mod output;
pub mod plan;
pub mod policy;
pub mod response;

use vssctl::model::safe::is_hidden;

/// Something that takes any bytes, and panics when it should not have taken them so.
pub type Target = fn(&[u8]);

/// Every target by the name of its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("config", config::run),
    ("policy", policy::run),
    ("plan", plan::run),
    ("response", response::run),
    ("account", response::run_account),
    ("output", output::run),
];

/// Makes sure that what is printed has nothing in it that a terminal would act on or hide, but for line ends.
fn assert_printable(text: &str) {
    let found = text.chars().find(|character| is_hidden(*character) && !"\n\t".contains(*character));
    assert_eq!(found, None, "{text:?}");
}
