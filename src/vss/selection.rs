//! What a backup selection selects.
//!
//! Source: AWS Backup API, `BackupSelection`; Developer Guide, "Assign resources with AWS CLI", whose worked examples
//! are the tests. `Resources` are alternatives, and so are the tags of `ListOfTags`; either is enough. `NotResources`
//! excludes, and `Conditions`, all of which must fit, narrow the rest: in AWS's own example they also narrow what
//! `ListOfTags` selects. A selection that names nothing selects everything that AWS Backup handles. Case counts
//! everywhere.
//!
//! The region's opt-in decides over what a selection selects by tags, by `*`, or by a service alone (`arn:aws:ec2:*`).
//! A selection that names the type of resource (`...:instance/*`) or the resource selects it in any case.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::{Conditions, Selection, Tags};

/// A resource that a selection may fit.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// The ARN.
    pub arn: &'a str,
    /// The resource type in AWS Backup's words, such as `EC2`.
    pub kind: &'a str,
    /// The tags.
    pub tags: &'a Tags,
}

/// The part of a selection that fits a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The selection names nothing, and so fits everything.
    Everything,
    /// An ARN or a pattern.
    Arn(String),
    /// A tag, `key=value`.
    Tag(String),
}

/// Whether a selection takes a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Selected {
    /// It does.
    Yes(By),
    /// It would, but AWS Backup does not handle resources of this type here.
    SwitchedOff(By),
    /// It would, and whether AWS Backup handles resources of this type here is not known.
    Unsure(By),
    /// It does not.
    No,
}

/// Decides whether a selection takes a resource. `opt_in` is `None` where it could not be read.
pub fn select(selection: &Selection, resource: Resource<'_>, opt_in: Option<&BTreeMap<String, bool>>) -> Selected {
    let ways = ways(selection, resource);
    let excluded = selection.not_resources.iter().any(|pattern| fits(pattern, resource.arn));
    if ways.is_empty() || excluded || !holds(&selection.conditions, resource.tags) {
        return Selected::No;
    }
    if let Some(way) = ways.iter().find(|way| !heeds_opt_in(way)) {
        return Selected::Yes(way.clone());
    }
    let Some(way) = ways.into_iter().next() else { return Selected::No };
    match opt_in.and_then(|opt_in| opt_in.get(resource.kind)) {
        Some(true) => Selected::Yes(way),
        Some(false) => Selected::SwitchedOff(way),
        None => Selected::Unsure(way),
    }
}

/// Returns the parts of a selection that fit a resource, before conditions and exclusions.
fn ways(selection: &Selection, resource: Resource<'_>) -> Vec<By> {
    if selection.resources.is_empty() && selection.list_of_tags.is_empty() {
        return vec![By::Everything];
    }
    let arns = selection.resources.iter().filter(|pattern| fits(pattern, resource.arn)).cloned().map(By::Arn);
    let tags = selection
        .list_of_tags
        .iter()
        .filter(|(key, value)| resource.tags.get(key) == Some(value))
        .map(|(key, value)| By::Tag(format!("{key}={value}")));
    arns.chain(tags).collect()
}

/// Tells whether the region's opt-in decides over it.
fn heeds_opt_in(way: &By) -> bool {
    match way {
        By::Everything | By::Tag(_) => true,
        By::Arn(pattern) => {
            // What stands after region and account names the type, if it is more than a wildcard.
            let resource = pattern.splitn(6, ':').nth(5).unwrap_or_default();
            resource.trim_end_matches('*').is_empty()
        }
    }
}

/// Tells whether an ARN of a selection names an instance, or several by a part of their id, and none of those that
/// there are. What names all instances, or another type of resource, is none of it.
pub fn names_no_instance<'a>(pattern: &str, mut instances: impl Iterator<Item = &'a str>) -> bool {
    let resource = pattern.splitn(6, ':').nth(5).unwrap_or_default();
    let names_some = resource.strip_prefix("instance/").is_some_and(|id| !id.trim_matches('*').is_empty());
    names_some && !instances.any(|arn| fits(pattern, arn))
}

/// Tells whether all conditions fit. As in IAM, a negated condition fits a resource without the tag.
pub fn holds(conditions: &Conditions, tags: &Tags) -> bool {
    let Conditions { equals, not_equals, like, not_like } = conditions;
    equals.iter().all(|(key, value)| tags.get(key) == Some(value))
        && not_equals.iter().all(|(key, value)| tags.get(key) != Some(value))
        && like.iter().all(|(key, pattern)| tags.get(key).is_some_and(|value| fits(pattern, value)))
        && not_like.iter().all(|(key, pattern)| !tags.get(key).is_some_and(|value| fits(pattern, value)))
}

/// Tells whether a text fits a pattern, in which `*` stands for any characters or none.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VOLUME: &str = "arn:aws:ec2:eu-west-1:123456789012:volume/vol-0a";
    const INSTANCE: &str = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a";
    const DATABASE: &str = "arn:aws:rds:eu-west-1:123456789012:db:orders";
    const CLUSTER: &str = "arn:aws:rds:eu-west-1:123456789012:cluster:my-aurora-cluster";
    const FILES: &str = "arn:aws:fsx:eu-west-1:123456789012:file-system/fs-0a";

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn everything_on() -> BTreeMap<String, bool> {
        ["EC2", "EBS", "RDS", "Aurora", "FSx"].into_iter().map(|kind| (kind.to_owned(), true)).collect()
    }

    fn kind(arn: &str) -> &'static str {
        match arn {
            VOLUME => "EBS",
            INSTANCE => "EC2",
            DATABASE => "RDS",
            CLUSTER => "Aurora",
            _ => "FSx",
        }
    }

    fn takes(selection: &Selection, arn: &str, of: &[(&str, &str)]) -> bool {
        let tags = tags(of);
        let resource = Resource { arn, kind: kind(arn), tags: &tags };
        matches!(select(selection, resource, Some(&everything_on())), Selected::Yes(_))
    }

    fn of(resources: &[&str]) -> Selection {
        Selection { resources: texts(resources), ..Selection::default() }
    }

    // The worked examples of "Assign resources with AWS CLI", each under its title there.

    #[test]
    fn an_arn_names_no_instance_where_it_names_some_and_none_is_there() {
        let there = [
            "arn:aws:ec2:eu-west-1:123456789012:instance/i-0aa1",
            "arn:aws:ec2:eu-west-1:123456789012:instance/i-0bb2",
        ];
        for (pattern, is_none) in [
            ("arn:aws:ec2:eu-west-1:123456789012:instance/i-0aa1", false),
            ("arn:aws:ec2:*:*:instance/i-0bb2", false),
            ("arn:aws:ec2:*:*:instance/i-0b*", false),
            ("arn:aws:ec2:*:*:instance/i-0cc3", true),
            ("arn:aws:ec2:*:*:instance/i-0c*", true),
            ("arn:aws:ec2:us-east-1:123456789012:instance/i-0aa1", true),
            ("arn:aws:ec2:*:*:instance/*", false),
            ("arn:aws:ec2:us-east-1:*:instance/*", false),
            ("arn:aws:ec2:*:*:volume/vol-1", false),
            ("arn:aws:ec2:*", false),
            ("*", false),
        ] {
            assert_eq!(names_no_instance(pattern, there.into_iter()), is_none, "{pattern}");
        }
        assert!(!names_no_instance("arn:aws:ec2:*:*:instance/*", [].into_iter()));
    }

    #[test]
    fn example_all_ec2_instances() {
        let selection = of(&["arn:aws:ec2:*:*:instance/*"]);
        assert!(takes(&selection, INSTANCE, &[]));
        assert!(!takes(&selection, VOLUME, &[]) && !takes(&selection, DATABASE, &[]));
    }

    #[test]
    fn example_all_resources_in_my_account() {
        for arn in [VOLUME, INSTANCE, DATABASE, CLUSTER, FILES] {
            assert!(takes(&of(&["*"]), arn, &[]));
        }
    }

    #[test]
    fn example_all_resources_but_exclude_ebs_volumes() {
        let selection = Selection { not_resources: texts(&["arn:aws:ec2:*:*:volume/*"]), ..of(&["*"]) };
        assert!(takes(&selection, INSTANCE, &[]) && !takes(&selection, VOLUME, &[]));
    }

    #[test]
    fn example_all_tagged_backup_true_but_exclude_ebs_volumes() {
        let mut selection = Selection { not_resources: texts(&["arn:aws:ec2:*:*:volume/*"]), ..of(&["*"]) };
        selection.conditions.equals = pairs(&[("backup", "true")]);
        assert!(takes(&selection, INSTANCE, &[("backup", "true")]));
        assert!(!takes(&selection, INSTANCE, &[("backup", "True")]));
        assert!(!takes(&selection, INSTANCE, &[("Backup", "true")]));
        assert!(!takes(&selection, INSTANCE, &[]));
        assert!(!takes(&selection, VOLUME, &[("backup", "true")]));
    }

    #[test]
    fn example_volumes_and_databases_tagged_with_both() {
        let mut selection = of(&["arn:aws:ec2:*:*:volume/*", "arn:aws:rds:*:*:db:*"]);
        selection.conditions.equals = pairs(&[("backup", "true"), ("stage", "prod")]);
        let both = [("backup", "true"), ("stage", "prod")];
        assert!(takes(&selection, VOLUME, &both) && takes(&selection, DATABASE, &both));
        assert!(!takes(&selection, VOLUME, &both[..1]) && !takes(&selection, VOLUME, &both[1..]));
        assert!(!takes(&selection, INSTANCE, &both) && !takes(&selection, CLUSTER, &both));
    }

    #[test]
    fn example_volumes_and_databases_tagged_backup_but_not_stage_test() {
        let mut selection = of(&["arn:aws:ec2:*:*:volume/*", "arn:aws:rds:*:*:db:*"]);
        selection.conditions.equals = pairs(&[("backup", "true")]);
        selection.conditions.not_equals = pairs(&[("stage", "test")]);
        assert!(takes(&selection, VOLUME, &[("backup", "true")]));
        assert!(takes(&selection, VOLUME, &[("backup", "true"), ("stage", "prod")]));
        assert!(!takes(&selection, VOLUME, &[("backup", "true"), ("stage", "test")]));
    }

    #[test]
    fn example_wildcards_in_tag_values() {
        let mut selection = of(&["*"]);
        selection.conditions.like = pairs(&[("key1", "include*")]);
        selection.conditions.not_like = pairs(&[("key2", "*exclude*")]);
        assert!(takes(&selection, INSTANCE, &[("key1", "includes this")]));
        assert!(takes(&selection, INSTANCE, &[("key1", "include"), ("key2", "other")]));
        assert!(!takes(&selection, INSTANCE, &[("key1", "do include")]));
        assert!(!takes(&selection, INSTANCE, &[("key1", "include"), ("key2", "please exclude it")]));
    }

    #[test]
    fn example_tagged_backup_true_except_file_systems_and_databases() {
        let mut selection = Selection { not_resources: texts(&["arn:aws:fsx:*", "arn:aws:rds:*"]), ..of(&["*"]) };
        selection.conditions.equals = pairs(&[("backup", "true")]);
        let tagged = [("backup", "true")];
        assert!(takes(&selection, INSTANCE, &tagged) && takes(&selection, VOLUME, &tagged));
        assert!([DATABASE, CLUSTER, FILES].iter().all(|arn| !takes(&selection, arn, &tagged)));
    }

    #[test]
    fn example_a_tag_with_any_value() {
        let mut selection = of(&["*"]);
        selection.conditions.like = pairs(&[("backup", "*")]);
        assert!(takes(&selection, INSTANCE, &[("backup", "")]) && takes(&selection, INSTANCE, &[("backup", "x")]));
        assert!(!takes(&selection, INSTANCE, &[("other", "x")]));
    }

    #[test]
    fn example_file_systems_a_cluster_and_all_tagged_except_stage_test() {
        let mut selection = of(&["arn:aws:fsx:*", "arn:aws:rds:*:*:cluster:my-aurora-cluster"]);
        selection.list_of_tags = pairs(&[("backup", "true")]);
        selection.conditions.not_equals = pairs(&[("stage", "test")]);
        assert!(takes(&selection, FILES, &[]) && takes(&selection, CLUSTER, &[]));
        assert!(takes(&selection, INSTANCE, &[("backup", "true")]));
        assert!(!takes(&selection, INSTANCE, &[]));
        assert!(!takes(&selection, FILES, &[("stage", "test")]));
        assert!(!takes(&selection, INSTANCE, &[("backup", "true"), ("stage", "test")]));
    }

    #[test]
    fn example_two_selections_for_volumes_and_the_rest() {
        let mut rest = Selection { not_resources: texts(&["arn:aws:ec2:*:*:volume/*"]), ..of(&["*"]) };
        rest.conditions.equals = pairs(&[("backup", "true")]);
        let mut volumes = of(&["arn:aws:ec2:*:*:volume/*"]);
        volumes.conditions.equals = pairs(&[("backup", "true")]);
        volumes.conditions.not_equals = pairs(&[("stage", "test")]);
        let taken = |arn: &str, of: &[(&str, &str)]| takes(&rest, arn, of) || takes(&volumes, arn, of);
        let test = [("backup", "true"), ("stage", "test")];
        assert!(taken(INSTANCE, &test) && !taken(VOLUME, &test) && taken(VOLUME, &test[..1]));
    }

    // The words of the API page.

    #[test]
    fn tags_of_the_list_are_alternatives_and_need_no_resources() {
        let selection =
            Selection { list_of_tags: pairs(&[("backup", "daily"), ("backup", "weekly")]), ..Selection::default() };
        assert!(
            takes(&selection, INSTANCE, &[("backup", "daily")]) && takes(&selection, VOLUME, &[("backup", "weekly")])
        );
        assert!(!takes(&selection, INSTANCE, &[("backup", "monthly")]));
    }

    #[test]
    fn a_selection_that_names_nothing_takes_everything() {
        assert!(takes(&Selection::default(), INSTANCE, &[]) && takes(&Selection::default(), DATABASE, &[]));
    }

    #[test]
    fn a_prefix_pattern_takes_what_begins_with_it() {
        let selection = of(&["arn:aws:ec2:eu-west-1:123456789012:instance/i-0*"]);
        assert!(takes(&selection, INSTANCE, &[]));
        assert!(!takes(&of(&["arn:aws:ec2:eu-west-1:123456789012:instance/i-1*"]), INSTANCE, &[]));
        assert!(!takes(&of(&["arn:aws:ec2:us-east-1:*:instance/*"]), INSTANCE, &[]));
    }

    #[test]
    fn the_opt_in_decides_over_tags_services_and_everything_but_not_over_a_named_type() {
        let off: BTreeMap<String, bool> = BTreeMap::from([("EC2".to_owned(), false)]);
        let tags = tags(&[("backup", "true")]);
        let instance = Resource { arn: INSTANCE, kind: "EC2", tags: &tags };
        let tagged = Selection { list_of_tags: pairs(&[("backup", "true")]), ..Selection::default() };
        for selection in [&tagged, &of(&["*"]), &of(&["arn:aws:ec2:*"]), &Selection::default()] {
            assert!(matches!(select(selection, instance, Some(&off)), Selected::SwitchedOff(_)), "{selection:?}");
            assert!(matches!(select(selection, instance, None), Selected::Unsure(_)));
        }
        for pattern in ["arn:aws:ec2:*:*:instance/*", INSTANCE] {
            assert!(matches!(select(&of(&[pattern]), instance, Some(&off)), Selected::Yes(_)), "{pattern}");
        }
        let both = Selection { list_of_tags: pairs(&[("backup", "true")]), ..of(&["arn:aws:ec2:*:*:instance/*"]) };
        assert!(matches!(select(&both, instance, Some(&off)), Selected::Yes(By::Arn(_))));
    }

    proptest! {
        #[test]
        fn a_pattern_made_of_a_text_fits_it(
            parts in prop::collection::vec("[a-z:/]{0,4}", 1..5),
            fill in "[a-z]{0,5}",
        ) {
            let text = parts.join(&fill);
            prop_assert!(fits(&parts.join("*"), &text));
            prop_assert!(fits(&text, &text));
            prop_assert!(fits("*", &text));
        }

        #[test]
        fn exclusion_and_conditions_never_add(key in "[ab]", value in "[cd]", other in "[cd]") {
            let of_tags = tags(&[(key.as_str(), value.as_str())]);
            let resource = Resource { arn: INSTANCE, kind: "EC2", tags: &of_tags };
            let wide = Selection { list_of_tags: pairs(&[("a", "c")]), ..Selection::default() };
            let mut narrow = wide.clone();
            narrow.conditions.not_equals = pairs(&[(key.as_str(), other.as_str())]);
            let takes = |selection: &Selection| {
                matches!(select(selection, resource, Some(&everything_on())), Selected::Yes(_))
            };
            prop_assert!(!takes(&narrow) || takes(&wide));
        }
    }
}
