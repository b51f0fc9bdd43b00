//! The lease of a stack: one run at a time writes. Its protocol, checked exhaustively, is [`machine`].

pub mod machine;
#[cfg(test)]
mod model;
