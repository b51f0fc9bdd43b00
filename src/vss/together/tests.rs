//! Pairs of selections: those that share instances, and those that never do.

use super::*;
use crate::vss::evidence::Conditions;

const INSTANCES: &str = "arn:aws:ec2:*:*:instance/*";

fn scope() -> Scope {
    Scope {
        stack: "s".to_owned(),
        account_id: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        iam_path: "/".to_owned(),
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    text.split(' ').filter_map(pair).collect()
}

/// Reads a selection from words such as `arns:i-1 all:a=b like:c=d* not:e=f any:g=h`.
fn asked(text: &str) -> Asked {
    let mut selection = Selection::default();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once(':').expect("a name");
        let arn = || {
            if value.starts_with("arn") || value == "*" {
                value.to_owned()
            } else {
                format!("arn:aws:ec2:*:*:instance/{value}")
            }
        };
        let Conditions { equals, not_equals, like, not_like } = &mut selection.conditions;
        match name {
            "arns" => selection.resources.push(arn()),
            "except" => selection.not_resources.push(arn()),
            "any" => selection.list_of_tags.extend(pairs(value)),
            "all" => equals.extend(pairs(value)),
            "not" => not_equals.extend(pairs(value)),
            "like" => like.extend(pairs(value)),
            "unlike" => not_like.extend(pairs(value)),
            other => panic!("{other}"),
        }
    }
    let is_narrowed = !selection.conditions.is_empty() && selection.list_of_tags.is_empty();
    if is_narrowed && selection.resources.is_empty() {
        selection.resources.push(INSTANCES.to_owned());
    }
    Asked::new(selection, &scope())
}

fn words(one: &str, other: &str, instances: &[Specimen]) -> Option<String> {
    let (one, other) = (asked(one), asked(other));
    let found = one.shares(&other, instances).map(Specimen::words);
    let turned = other.shares(&one, instances).map(Specimen::words);
    assert_eq!(found.is_some(), turned.is_some());
    found
}

fn instance(id: &str, tags: &str) -> Specimen {
    let arn = scope().arn("ec2", &format!("instance/{id}"));
    Specimen { arn, tags: pairs(tags).into_iter().collect(), title: Some(id.to_owned()) }
}

#[test]
fn a_selection_shares_with_one_that_it_is_a_part_of() {
    for (one, other) in [
        ("all:a=b", "all:a=b"),
        ("all:a=b", "all:a=b all:c=d"),
        ("all:a=b", "all:a=b not:c=d"),
        ("all:a=b", "all:a=b unlike:c=*"),
        ("all:a=b", "all:a=b except:i-1"),
        ("all:a=b", "all:a=b except:i-0*"),
        ("all:a=b", "any:a=b"),
        ("all:a=b", "any:a=b any:c=d"),
        ("all:a=b", "like:a=*"),
        ("like:a=b*", "like:a=*"),
        ("all:a=bcd", "like:a=b*d"),
        ("all:a=b", "arns:*"),
        ("all:a=b", ""),
        ("", ""),
        ("", "arns:i-1"),
        ("arns:i-1", "arns:i-1 arns:i-2"),
        ("arns:i-12", "arns:i-1*"),
        ("arns:i-1", "arns:arn:aws:ec2:*"),
        ("arns:arn:aws:ec2:eu-west-1:123456789012:instance/*", "all:a=b"),
        ("any:a=b", "any:c=d any:a=b"),
        ("not:a=b", "not:c=d"),
        ("any:a=b all:c=d", "all:c=d all:a=b"),
    ] {
        assert!(words(one, other, &[]).is_some(), "`{one}` and `{other}`");
    }
}

#[test]
fn selections_that_no_instance_fits_share_none() {
    let fleet = [instance("i-1", "a=b"), instance("i-2", "a=c d=e"), instance("i-3", "")];
    for (one, other) in [
        ("all:a=b", "all:a=c"),
        ("all:a=b", "all:a=b all:a=c"),
        ("all:a=b all:c=d", "all:a=b not:c=d"),
        ("all:a=b", "not:a=b"),
        ("all:a=b", "unlike:a=*"),
        ("like:a=x*", "like:a=y*"),
        ("all:A=b", "all:a=b"),
        ("all:a=B", "all:a=b"),
        ("arns:i-1", "arns:i-2"),
        ("arns:i-1", "all:a=b except:i-1"),
        ("arns:i-1*", "arns:i-2*"),
        ("arns:arn:aws:ec2:*:*:volume/*", "all:a=b"),
        ("arns:arn:aws:rds:*:*:db:*", ""),
        ("arns:arn:aws:ec2:us-east-1:*:instance/*", "all:a=b"),
        ("any:a=b", "any:a=c"),
        ("any:a=b all:a=c", "any:a=b"),
        ("all:a=b", "all:f=g"),
    ] {
        assert_eq!(words(one, other, &fleet), None, "`{one}` and `{other}`");
    }
}

#[test]
fn different_tags_share_an_instance_that_has_both() {
    assert_eq!(words("all:a=b", "all:c=d", &[]), None);
    assert_eq!(words("all:a=b", "arns:i-1", &[]), None);
    let fleet = [instance("i-1", "a=b"), instance("i-2", "a=b c=d")];
    assert_eq!(words("all:a=b", "all:c=d", &fleet).as_deref(), Some("i-2"));
    assert_eq!(words("all:a=b", "arns:i-1", &fleet).as_deref(), Some("i-1"));
    assert_eq!(words("like:a=*b", "like:c=d*", &fleet).as_deref(), Some("i-2"));
}

#[test]
fn an_instance_that_there_is_comes_before_one_that_there_may_be() {
    let fleet = [instance("i-2", "a=b")];
    assert_eq!(words("all:a=b", "all:a=b", &fleet).as_deref(), Some("i-2"));
    assert_eq!(words("all:a=b", "all:a=b", &[]).as_deref(), Some("any instance with the tag `a=b`"));
    assert_eq!(words("", "", &[]).as_deref(), Some("any instance"));
    assert_eq!(words("arns:i-1", "", &[]).as_deref(), Some("`i-1`"));
    let both = words("all:a=b all:c=d", "all:a=b", &[]);
    assert_eq!(both.as_deref(), Some("any instance with the tags `a=b`, `c=d`"));
}

#[test]
fn selections_are_alike_whatever_the_order_and_the_names() {
    let named = |name: &str, text: &str| {
        let selection = Selection { name: name.to_owned(), ..asked(text).selection };
        Asked::new(selection, &scope())
    };
    assert!(named("x", "all:a=b all:c=d").is_like(&named("y", "all:c=d all:a=b")));
    assert!(!named("x", "all:a=b").is_like(&named("x", "all:a=b all:c=d")));
    assert!(!named("x", "all:a=b").is_like(&named("x", "any:a=b")));
}
