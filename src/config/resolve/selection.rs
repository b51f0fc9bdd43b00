//! Selections: the role, and what a plan takes.

use crate::model::KindId;
use std::collections::BTreeMap;

use crate::config::context::{Context, Declared, Entry};
use crate::config::limits;
use crate::config::names::SELECTION_NAME;
use crate::config::problems::safe;
use crate::config::tree::Node;
use crate::kind::Desired;
use crate::kinds::selection::spec::{MatchSpec, ResolvedSelection, SelectionSpec, pairs};
use crate::model::Address;
use crate::model::arn::{check_pattern, is_account, is_region};

use super::across::{Facts, SelectionFacts};
use super::values::at_most;

/// Resolves the selections of one plan.
pub(crate) fn selections(
    table: Option<&Node>,
    plan: &str,
    windows_vss: bool,
    context: &mut Context<'_>,
    facts: &mut Facts,
) -> Vec<Desired> {
    let mut all = Vec::new();
    let mut by_tag = 0;
    for entry in context.entries::<SelectionSpec>(table, KindId::Selection, Some(plan)) {
        context.check_name(&entry, SELECTION_NAME);
        unique(&entry, plan, context);
        let matching = &entry.spec.matching;
        let tags_only = !pairs(matching.any.as_ref()).is_empty()
            && matching.arns.as_ref().is_none_or(Vec::is_empty)
            && !narrows(matching);
        by_tag += usize::from(tags_only);
        check_match(&entry, tags_only, context);
        let role = context.role(&entry, &["role"], &entry.spec.role);
        facts.selections.push(SelectionFacts {
            address: entry.address.clone(),
            role: role.as_ref().and_then(|(_, address)| address.clone()),
            role_arn: role.as_ref().map(|(arn, _)| arn.clone()),
            place: entry.place(&["role"]),
            windows_vss,
            tags_only,
        });
        let (role, address) = role.unwrap_or_default();
        let arns = match &matching.arns {
            Some(arns) => arns.clone(),
            // Conditions narrow the ARNs. With the ARN of all instances they take no tagged volumes and databases.
            None if narrows(matching) => {
                vec![format!("arn:{}:ec2:*:*:instance/*", context.scope.partition())]
            }
            None => Vec::new(),
        };
        check_left_out(&entry, &arns, context);
        let resolved = ResolvedSelection { role, arns, matching: matching.clone() };
        let mut desired = context.desired(&entry, resolved.normal_form());
        desired.references.push(Address::new(KindId::Plan, plan));
        desired.references.extend(address);
        all.push(desired);
    }
    let count = table.map_or(0, |table| table.members().count());
    let member = table.and_then(|table| table.members().last()).map(|(_, member)| member.key.clone());
    if let Some(place) = member {
        let address = Address::new(KindId::Plan, plan);
        let error = |message: String| crate::model::Diagnostic::error("VSS0706", message).at(&address);
        let found = at_most("selections", count, limits::SELECTIONS, error)
            .or_else(|| at_most("selections by tag alone", by_tag, limits::TAG_SELECTIONS, error));
        if let Some(found) = found {
            context.report(&place, found);
        }
    }
    all
}

fn unique(entry: &Entry<'_, SelectionSpec>, plan: &str, context: &mut Context<'_>) {
    let prefix = format!("{plan}.");
    let declared = context.declared.get(&KindId::Selection).map(Vec::as_slice).unwrap_or_default();
    let same = |other: &&Declared| other.name == entry.name && other.key.starts_with(&prefix);
    let first = declared.iter().find(same).map(|other| other.key.clone());
    if let Some(first) = first.filter(|first| first != entry.address.key()) {
        let message = format!("the selection name `{}` is taken by `selection.{first}`", safe(&entry.name));
        context.report(&entry.place(&["name"]), entry.error("VSS0205", message).label("taken"));
    }
}

/// Tells whether there are conditions, which narrow the ARNs.
fn narrows(matching: &MatchSpec) -> bool {
    let MatchSpec { all, any: _, like, not_equals, not_like, arns: _, not_arns: _ } = matching;
    [all, like, not_equals, not_like].into_iter().any(|tags| !pairs(tags.as_ref()).is_empty())
}

/// Reports a selection whose every ARN is left out again: AWS takes it, and nothing is backed up.
fn check_left_out(entry: &Entry<'_, SelectionSpec>, arns: &[String], context: &mut Context<'_>) {
    let MatchSpec { any, not_arns, .. } = &entry.spec.matching;
    let left_out = |arn: &str| not_arns.iter().flatten().any(|pattern| covers(pattern, arn));
    // A resource with a tag of `any` can be of any type, so that no ARN says which.
    let all = if arns.is_empty() || !pairs(any.as_ref()).is_empty() {
        left_out("*")
    } else {
        arns.iter().all(|arn| left_out(arn))
    };
    if all {
        let diagnostic = entry
            .warning("VSS0710", format!("`{}` leaves out all that it takes, and backs nothing up", entry.address))
            .label("covers every ARN of the selection")
            .help("name in `not_arns` only what is not to be backed up");
        context.report(&entry.place(&["match", "not_arns"]), diagnostic);
    }
}

/// Tells whether everything that fits `arn`, which may be a pattern itself, fits `pattern` too. A `*` stands for a
/// whole field or at the end.
fn covers(pattern: &str, arn: &str) -> bool {
    if pattern == "*" || pattern == arn {
        return true;
    }
    let fields = |text: &str| text.splitn(6, ':').map(ToOwned::to_owned).collect::<Vec<_>>();
    let (pattern, arn) = (fields(pattern), fields(arn));
    let last = pattern.len() - 1;
    pattern.iter().zip(&arn).enumerate().all(|(index, (pattern, arn))| match pattern.strip_suffix('*') {
        Some(prefix) if index == last => arn.starts_with(prefix),
        _ => pattern == "*" || pattern == arn,
    }) && pattern.len() <= arn.len()
}

/// Reports ARNs of another region or account: AWS Backup finds what it backs up in its own.
fn check_elsewhere(entry: &Entry<'_, SelectionSpec>, context: &mut Context<'_>) {
    let own = (context.scope.region.clone(), context.scope.account_id.clone());
    for (index, arn) in entry.spec.matching.arns.iter().flatten().enumerate() {
        let mut fields = arn.split(':').skip(3);
        // `*` stands for all of them, and some resources, such as buckets, name neither.
        let region = fields.next().filter(|region| is_region(region) && !own.0.is_empty() && *region != own.0);
        let account = fields.next().filter(|account| is_account(account) && !own.1.is_empty() && *account != own.1);
        let (what, there, here) = match (region, account) {
            (Some(region), _) => ("region", region, &own.0),
            (None, Some(account)) => ("account", account, &own.1),
            (None, None) => continue,
        };
        let diagnostic = entry
            .warning("VSS0716", format!("`{}` takes nothing by an ARN of the {what} {there}", entry.address))
            .label(format!("the stack's {what} is {here}"))
            .help(format!("write `{here}`, or `*` for the stack's own {what}"));
        context.report(&entry.place(&["match", "arns", &index.to_string()]), diagnostic);
    }
}

fn check_match(entry: &Entry<'_, SelectionSpec>, tags_only: bool, context: &mut Context<'_>) {
    check_arns(entry, context);
    check_elsewhere(entry, context);
    let conditions = check_tags(entry, context);
    check_breadth(entry, tags_only, conditions, context);
}

/// Checks the ARNs that a selection takes, and those that it leaves out.
fn check_arns(entry: &Entry<'_, SelectionSpec>, context: &mut Context<'_>) {
    let matching = &entry.spec.matching;
    for (name, arns) in [("arns", &matching.arns), ("not_arns", &matching.not_arns)] {
        let Some(arns) = arns else { continue };
        let region_known = !context.scope.region.is_empty();
        for (index, arn) in arns.iter().enumerate().filter(|_| region_known) {
            if let Err(failed) = check_pattern(arn, &context.scope.region) {
                let message = format!("`{}` {}", safe(&failed.text), safe(&failed.problem));
                let diagnostic = entry
                    .error("VSS0703", message)
                    .label("not an ARN that a selection takes")
                    .help("`*` stands for a whole region or account, or at the end: `arn:aws:ec2:*:*:instance/*`");
                context.report(&entry.place(&["match", name, &index.to_string()]), diagnostic);
            }
        }
        let wild = arns.iter().any(|arn| arn.contains('*'));
        let (what, most) =
            if wild { ("ARNs, one with a wildcard", limits::WILDCARD_ARNS) } else { ("ARNs", limits::ARNS) };
        if let Some(found) = at_most(what, arns.len(), most, |message| entry.error("VSS0702", message)) {
            context.report(&entry.place(&["match", name]), found);
        }
    }
}

/// Checks the tags that a selection looks at; returns how many conditions they make.
fn check_tags(entry: &Entry<'_, SelectionSpec>, context: &mut Context<'_>) -> usize {
    let matching = &entry.spec.matching;
    let groups = [
        ("all", &matching.all),
        ("any", &matching.any),
        ("like", &matching.like),
        ("not_equals", &matching.not_equals),
        ("not_like", &matching.not_like),
    ];
    for (name, tags) in groups {
        for (key, values) in tags.iter().flatten() {
            let at = entry.key_place(&["match", name, key]);
            let problem = if key.starts_with("aws:ResourceTag/") {
                Some("is written without `aws:ResourceTag/`")
            } else if key.is_empty() || key.chars().count() > 128 {
                Some("has 1 to 128 characters")
            } else if key.contains('=') {
                Some("cannot hold `=`")
            } else if values.0.is_empty() {
                Some("has no values")
            } else {
                None
            };
            if let Some(problem) = problem {
                let diagnostic = entry
                    .error("VSS0704", format!("the tag key `{}` {problem}", safe(key)))
                    .label("not a tag to match");
                context.report(&at, diagnostic);
            }
            if name == "all" && values.0.len() > 1 {
                let diagnostic = entry
                    .warning("VSS0708", format!("nothing has two values of the tag `{}`", safe(key)))
                    .label("`all` asks for all of them at once")
                    .help("take `any` for one of several values");
                context.report(&at, diagnostic);
            }
        }
    }
    let conditions: usize =
        groups.iter().filter(|(name, _)| *name != "any").map(|(_, tags)| pairs(tags.as_ref()).len()).sum();
    for (what, count) in [("tags in `any`", pairs(matching.any.as_ref()).len()), ("conditions", conditions)] {
        if let Some(found) = at_most(what, count, limits::CONDITIONS, |message| entry.error("VSS0702", message)) {
            context.report(&entry.place(&["match"]), found);
        }
    }
    conditions
}

/// Reports a selection that takes nothing, everything, or resources of types that it hardly means.
fn check_breadth(entry: &Entry<'_, SelectionSpec>, tags_only: bool, conditions: usize, context: &mut Context<'_>) {
    let matching = &entry.spec.matching;
    let place = entry.place(&["match"]);
    // Conditions and `not_arns` only narrow: a selection needs ARNs or tags that they can narrow.
    let no_arns = matching.arns.as_ref().map_or(!narrows(matching), Vec::is_empty);
    let nothing = no_arns && matching.any.as_ref().is_none_or(BTreeMap::is_empty);
    let everything = matching.arns.iter().flatten().any(|arn| arn == "*") && conditions == 0;
    if nothing {
        let diagnostic = entry
            .error("VSS0709", format!("`{}` takes nothing", entry.address))
            .label("no ARN, and no tag of `any`")
            .help("AWS Backup refuses it: name tags or ARNs, such as `match = { all = { VssBackup = \"enabled\" } }`");
        context.report(&place, diagnostic);
    } else if everything {
        let diagnostic = entry
            .warning("VSS0701", format!("`{}` takes everything that AWS Backup can back up", entry.address))
            .label("`*` is everything")
            .help("narrow it, such as `match = { all = { VssBackup = \"enabled\" } }`");
        context.report(&place, diagnostic);
    } else if tags_only {
        let diagnostic = entry
            .warning("VSS0705", format!("`{}` takes tagged volumes and databases as well", entry.address))
            .label("`any` looks at resources of every type")
            .help("for instances only, take `all`, or narrow with `arns`");
        context.report(&place, diagnostic);
    }
}
