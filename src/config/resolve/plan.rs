//! Backup plans: their names, and the rules and selections that they have.

use crate::model::KindId;
use std::collections::BTreeMap;

use crate::config::context::{Context, Entry};
use crate::config::limits;
use crate::config::names::PLAN_NAME;
use crate::config::problems::safe;
use crate::config::tree::Node;
use crate::kind::Desired;
use crate::kinds::plan::spec::{PlanSpec, ResolvedPlan, RuleSpec};
use crate::model::Address;

use super::across::{Facts, check_overlaps};
use super::rule::resolve_rule;
use super::selection;
use super::values::at_most;

/// Resolves `[plan.*]` with rules and selections.
pub(crate) fn plans(file: &Node, context: &mut Context<'_>, facts: &mut Facts) -> Vec<Desired> {
    let mut all = Vec::new();
    for (key, member) in file.get("plan").into_iter().flat_map(Node::members) {
        let address = Address::new(KindId::Plan, key);
        let (node, faulty_rules) = without_faults(&member.node);
        let rules = member.node.get("rule");
        let windows_vss =
            node.get("windows_vss").is_some_and(|node| matches!(node.tree, crate::config::tree::Tree::Flag(true)));
        if let Some(entry) = context.entry::<PlanSpec>(&node, &member.key, address.clone()) {
            facts.has_vss_plan |= windows_vss;
            let desired = plan(&entry, rules, faulty_rules, context, facts);
            all.push(desired);
        }
        let selections = member.node.get("selection");
        all.extend(selection::selections(selections, key, windows_vss, context, facts));
    }
    context.check_unique(KindId::Plan, PLAN_NAME);
    all
}

/// Returns a plan's table without its rules and selections, which are read one by one, and whether a rule has a fault.
fn without_faults(node: &Node) -> (Node, bool) {
    let mut own = node.clone();
    let mut faulty = false;
    if let crate::config::tree::Tree::Table(members) = &mut own.tree {
        for table in ["rule", "selection"] {
            if let Some(member) = members.shift_remove(table) {
                faulty |= table == "rule" && member.node.has_fault();
            }
        }
    }
    (own, faulty)
}

fn plan(
    entry: &Entry<'_, PlanSpec>,
    rules: Option<&Node>,
    faulty_rules: bool,
    context: &mut Context<'_>,
    facts: &mut Facts,
) -> Desired {
    context.check_name(entry, PLAN_NAME);
    let windows_vss = entry.spec.windows_vss == Some(true);
    let mut resolved = ResolvedPlan {
        windows_vss: entry.spec.windows_vss,
        rules: BTreeMap::new(),
        tags: context.merged_tags(entry, false),
    };
    let mut references = Vec::new();
    let mut runs = Vec::new();
    let count = rules.map_or(0, |rules| rules.members().count());
    if count == 0 && !faulty_rules {
        let diagnostic = entry
            .error("VSS0413", format!("`{}` has no rule", entry.address))
            .label("backs nothing up")
            .help(format!("add `[plan.{}.rule.NAME]`", entry.address.key()));
        context.report(&entry.key, diagnostic);
    }
    if let Some(diagnostic) = at_most("rules", count, limits::RULES, |message| entry.error("VSS0414", message)) {
        context.report(&entry.key, diagnostic);
    }
    for (key, member) in rules.into_iter().flat_map(Node::members) {
        let Some(spec) = context.spec::<RuleSpec>(&member.node, &member.key, &entry.address) else { continue };
        let name = spec.name.clone().unwrap_or_else(|| key.to_owned());
        let rule = Entry { address: entry.address.clone(), name, key: member.key.clone(), node: &member.node, spec };
        let resolved_rule = resolve_rule(&rule, key, windows_vss, context, facts, &mut references, &mut runs);
        if resolved.rules.contains_key(&rule.name) {
            let message = format!("two rules of `{}` are named `{}`", entry.address, safe(&rule.name));
            context.report(&rule.place(&["name"]), rule.error("VSS0205", message).label("taken"));
        }
        resolved.rules.insert(rule.name.clone(), resolved_rule);
    }
    check_overlaps(context, &runs);
    let mut desired = context.desired(entry, resolved.normal_form());
    references.sort();
    references.dedup();
    desired.references = references;
    desired
}
