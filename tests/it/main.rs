//! One integration binary: each one links over 100 MB.

mod bench;
mod kind_contract;
mod planning;
