//! `[region_settings]`.

use crate::config::context::Context;
use crate::config::tree::Node;
use crate::kind::{Desired, Fields};
use crate::kinds::region_settings::spec::RegionSettingsSpec;
use crate::model::{Address, KindId};

use super::across::Facts;

pub(super) fn region_settings(file: &Node, context: &mut Context<'_>, facts: &mut Facts) -> Option<Desired> {
    let member = file.member("region_settings")?;
    let address = Address::new(KindId::RegionSettings, "");
    let spec: RegionSettingsSpec = context.spec(&member.node, &member.key, &address)?;
    if spec.resource_type_opt_in.as_ref().and_then(|types| types.get("EC2")) == Some(&false) {
        facts.ec2_opted_out = member.node.at(&["resource_type_opt_in", "EC2"]).map(|node| node.place.clone());
    }
    Some(Desired {
        address,
        name: "region_settings".to_owned(),
        fields: spec.normal_form(),
        options: Fields::new(),
        references: Vec::new(),
        adopt: false,
        protect: false,
        renamed_from: None,
        location: Some(context.problems.sources.locate(&member.key)),
    })
}
