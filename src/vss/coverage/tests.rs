//! Coverage of small accounts.

use super::*;
use crate::vss::evidence::{Rule, Tags};
use crate::vss::fixture;

fn covered<'a>(coverage: &'a Coverage, name: &str) -> &'a Covered {
    coverage.instances.iter().find(|covered| covered.name == name).unwrap()
}

fn with(edit: impl FnOnce(&mut Evidence)) -> Coverage {
    let mut evidence = fixture::healthy();
    edit(&mut evidence);
    coverage(&evidence)
}

fn tag(evidence: &mut Evidence, tags: &[(&str, &str)]) {
    let tags: Tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    fixture::instance(evidence).tags = tags;
}

#[test]
fn an_instance_that_a_plan_with_vss_selects_is_protected() {
    let coverage = with(|_| {});
    assert_eq!(covered(&coverage, "sql-1").protection, Protection::Vss);
    assert!(!coverage.has_findings() && !coverage.has_unknown());
    assert_eq!(coverage.others, Some(1));
}

#[test]
fn arns_of_instances_that_are_not_there_are_named_and_unread_ones_are_not() {
    let gone = "arn:aws:ec2:*:*:instance/i-0123456789abcdef0";
    let select = |evidence: &mut Evidence| {
        if let Known::Known(selections) = &mut fixture::plan(evidence).selections {
            selections[0].resources = vec!["arn:aws:ec2:*:*:instance/*".to_owned(), gone.to_owned()];
        }
    };
    let coverage = with(select);
    let names: Vec<(&str, &[String])> =
        coverage.in_vain.iter().map(|vain| (vain.plan.as_str(), vain.arns.as_slice())).collect();
    assert_eq!(names, [("daily", &[gone.to_owned()][..])]);
    let unread = with(|evidence| {
        select(evidence);
        evidence.instances = Known::NotRead;
    });
    assert_eq!((unread.in_vain, with(|_| {}).in_vain), (vec![], vec![]));
}

#[test]
fn a_plan_without_vss_protects_without_vss() {
    let coverage = with(|evidence| fixture::plan(evidence).windows_vss = false);
    assert_eq!(covered(&coverage, "sql-1").protection, Protection::WithoutVss);
    assert!(coverage.has_findings());
}

#[test]
fn slips_in_tags_are_named_with_what_the_plan_wants() {
    for (tags, found) in [
        (("VssBackup", "Enabled"), "VssBackup=Enabled"),
        (("VssBakup", "enabled"), "VssBakup=enabled"),
        (("vssbackup", "true"), "vssbackup=true"),
    ] {
        let coverage = with(|evidence| tag(evidence, &[tags]));
        let covered = covered(&coverage, "sql-1");
        assert_eq!(covered.protection, Protection::Unprotected);
        let misses: Vec<(&str, &str)> =
            covered.near_misses.iter().map(|miss| (miss.wanted.as_str(), miss.found.as_str())).collect();
        assert_eq!(misses, [("VssBackup=enabled", found)]);
    }
    let meant = with(|evidence| tag(evidence, &[("VssBackup", "disabled"), ("Team", "enabled")]));
    assert!(covered(&meant, "sql-1").near_misses.is_empty());
}

#[test]
fn two_plans_at_overlapping_times_are_named_and_two_at_other_times_are_fine() {
    let second = |schedule: &str| {
        let schedule = schedule.to_owned();
        with(|evidence| {
            let mut plan = fixture::plan(evidence).clone();
            plan.id = "other".to_owned();
            plan.name = "legacy".to_owned();
            plan.rules = vec![Rule {
                name: "evening".to_owned(),
                schedule: Some(schedule),
                start_window_minutes: 60,
                ..Rule::default()
            }];
            if let Known::Known(plans) = &mut evidence.plans {
                plans.push(plan);
            }
        })
    };
    let collision = second("cron(30 18 ? * * *)");
    let overlaps = &covered(&collision, "sql-1").overlaps;
    assert_eq!(overlaps.len(), 1);
    assert_eq!((overlaps[0].one.as_str(), overlaps[0].other.as_str()), ("daily/nightly", "legacy/evening"));
    assert!(collision.has_findings() && collision.overlapping() == 1);
    assert!(!second("cron(0 6 ? * * *)").has_findings());
}

#[test]
fn what_could_not_be_read_is_unknown_and_no_finding() {
    let denied = || Unread { action: "backup:ListBackupSelections".to_owned(), message: "denied".to_owned() };
    let coverage = with(|evidence| fixture::plan(evidence).selections = Known::Unknown(denied()));
    assert_eq!(covered(&coverage, "sql-1").protection, Protection::Unknown);
    assert!(!coverage.has_findings() && coverage.has_unknown());
    assert_eq!(coverage.unread, [denied()]);
    let no_plans = with(|evidence| evidence.plans = Known::Unknown(denied()));
    assert_eq!(covered(&no_plans, "sql-1").protection, Protection::Unknown);
}

#[test]
fn a_selection_by_tags_means_nothing_where_ec2_is_switched_off() {
    let coverage = with(|evidence| {
        evidence.opt_in = Known::Known(BTreeMap::from([("EC2".to_owned(), false)]));
        let selections = &mut fixture::plan(evidence).selections;
        if let Known::Known(selections) = selections {
            selections[0].resources.clear();
            selections[0].conditions = crate::vss::evidence::Conditions::default();
            selections[0].list_of_tags = vec![("VssBackup".to_owned(), "enabled".to_owned())];
        }
    });
    let covered = covered(&coverage, "sql-1");
    assert_eq!(covered.protection, Protection::Unprotected);
    assert!(matches!(covered.plans[0].selected, Selected::SwitchedOff(_)));
}

#[test]
fn a_missing_selection_whose_role_the_file_does_not_make_names_that_role() {
    let mut evidence = fixture::healthy();
    let Known::Known(selections) = &mut fixture::plan(&mut evidence).selections else { panic!("no selections") };
    let mut selection = selections.remove(0);
    let gone = "arn:aws:iam::123456789012:role/Gone";
    selection.role_arn = gone.to_owned();
    let address = "selection.daily.windows".to_owned();
    for makes_role in [true, false] {
        let (address, selection) = (address.clone(), selection.clone());
        let declared = [Declared { address, plan: "daily".to_owned(), selection, makes_role }];
        let coverage = coverage(&evidence).beside(&evidence, &declared);
        let covered = covered(&coverage, "sql-1");
        assert_eq!(covered.missing, ["selection.daily.windows"]);
        assert_eq!(covered.missing_role.as_deref(), (!makes_role).then_some(gone));
    }
}
