//! `vssctl version`.

use super::exit::Exit;
use super::ui::Ui;

/// Prints the version.
pub(super) fn run(ui: &Ui) -> Exit {
    ui.answer(concat!("vssctl ", env!("CARGO_PKG_VERSION"), "\n"));
    Exit::Done
}
