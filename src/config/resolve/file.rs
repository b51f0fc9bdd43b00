//! The order in which the entries of a file are resolved: what others refer to comes first.

use crate::config::context::Context;
use crate::config::tree::Node;
use crate::kind::Desired;

use super::across::{self, Facts};
use super::declare::declare;
use super::region_settings::region_settings;
use super::{attachment, iam, package, plan, restore_test, role, vault};

/// Resolves a whole file.
pub(crate) fn all(file: &Node, context: &mut Context<'_>) -> Vec<Desired> {
    declare(file, context);
    let mut facts = Facts::default();
    let mut desired = iam::policies(file, context);
    desired.extend(role::roles(file, context, &mut facts));
    desired.extend(iam::profiles(file, context, &mut facts));
    desired.extend(attachment::attachments(file, context));
    desired.extend(package::packages(file, context, &mut facts));
    desired.extend(vault::vaults(file, context, &mut facts));
    desired.extend(plan::plans(file, context, &mut facts));
    desired.extend(restore_test::restore_tests(file, context));
    desired.extend(region_settings(file, context, &mut facts));
    across::check(context, &facts, &desired);
    desired
}
