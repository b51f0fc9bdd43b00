//! vssctl: application-consistent (VSS) backups of Windows servers on AWS, declared in one file.
//!
//! The way of the data: [`config`] turns `vss.toml` into desired resources. [`observe`] reads the live ones with a
//! client that cannot write. [`plan`] compares the two, purely, into concrete API calls, and [`apply`] makes those
//! calls. Each kind of resource is a folder in [`kinds`] behind the trait of [`kind`]. [`sandbox`] is a simulated AWS
//! account at the wire, and [`render`] turns plans and reports into text and JSON. The library knows no terminal:
//! [`cli`] does.

pub mod apply;
pub mod aws;
pub mod cli;
pub mod config;
pub mod engine;
pub mod kind;
pub mod kinds;
pub mod model;
pub mod observe;
pub mod permissions;
pub mod plan;
pub mod policy;
pub mod render;
pub mod sandbox;
pub mod vss;
