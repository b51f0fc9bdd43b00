//! How much one stack may hold, and how the limits follow from each other.

use super::*;

#[test]
fn a_stack_has_two_thousand_resources_at_most() {
    let vaults = |count: usize| (0..count).map(|index| format!("[vault.v{index}]\n")).collect::<Vec<_>>().concat();
    let loaded = file(&vaults(2001));
    assert_eq!(problems(&loaded), [("VSS0210", "stack".to_owned())]);
    assert!(file(&vaults(2000)).diagnostics.is_empty());
}

#[test]
fn a_stack_resolves_to_what_a_saved_plan_has_room_for() {
    // Five hundred ARNs, written once, go into every selection.
    let arns = (0..500)
        .map(|index| format!("\"arn:aws:ec2:ap-northeast-1:123456789012:instance/i-{index:017x}\""))
        .collect::<Vec<_>>();
    let selections = |count: usize| {
        let entries =
            (0..count).map(|index| format!("[plan.p{}.selection.s{index}]\n", index % 5)).collect::<Vec<_>>().concat();
        let rules =
            (0..5).map(|plan| format!("[plan.p{plan}.rule.r]\nvault = \"main\"\n")).collect::<Vec<_>>().concat();
        format!(
            "{BACKUP}[vault.main]\n[defaults.selection]\nrole = \"AWSBackup\"\nmatch = {{ arns = [{}] }}\n\
             {rules}{entries}",
            arns.join(", ")
        )
    };
    let loaded = file(&selections(220));
    assert_eq!(problems(&loaded), [("VSS0216", "stack".to_owned())], "{:#?}", loaded.diagnostics);
    let found = loaded.diagnostics.iter().next().unwrap();
    assert!(found.message.contains(&limits::RESOLVED.to_string()), "{}", found.message);
    assert!(found.help[0].starts_with("the largest: `selection.p0.s100` has 39395, "), "{:?}", found.help);
    let loaded = file(&selections(200));
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
}

#[test]
fn the_limits_follow_from_each_other() {
    let size = |tags: &[&str]| {
        let tags = tags.iter().map(|tag| format!("{tag} = \"\"\n")).collect::<Vec<_>>().concat();
        let entry = desired(&vault(&format!("[vault.main.tags]\n{tags}"))).remove(0);
        crate::model::json::pretty(&entry).unwrap().len() as u64
    };
    // The shortest line that defaults can bring in numbers.
    assert_eq!(size(&["ab", "ac", "ad"]) - size(&["ab", "ac"]), limits::LINE);
    assert_eq!(limits::DEFAULT_VALUES, limits::RESOLVED / limits::LINE);
    // Every file that says all of it itself fits, its base and every policy file included, each in its own entry.
    let documents = limits::DOCUMENT_FILES as u64 * limits::DOCUMENT_FILE;
    assert!(4 * limits::FILES * limits::FILE <= limits::RESOLVED && documents <= limits::RESOLVED / 4);
    assert_eq!(limits::ENTRIES, limits::RESOURCES);
    // A resource that has all that its quotas allow is far from filling a stack.
    assert!((limits::TRUST_MOST + limits::INLINE + limits::STRING) as u64 * 100 < limits::RESOLVED);
    // What is wanted is written five times at most, and what is live three times; the rest is a little for each
    // resource.
    let plan = crate::plan::file::LARGEST;
    assert!(plan >= 8 * limits::RESOLVED && plan - 8 * limits::RESOLVED <= 8192 * limits::RESOURCES as u64);
    // The documents say the same.
    let text = |code: &str| explain(code).unwrap().text.replace('\n', " ");
    for (text, said) in [
        (text("VSS0107"), format!("at most {} MiB", limits::FILE >> 20)),
        (text("VSS0210"), format!("at most {},000 resources", limits::RESOURCES / 1000)),
        (text("VSS0216"), format!("at most {} MiB", limits::RESOLVED >> 20)),
        (include_str!("../../../../docs/saved-plans.md").to_owned(), format!("at most {} MiB", plan.div_ceil(1 << 20))),
    ] {
        assert!(text.contains(&said), "`{said}` is not in: {text}");
    }
}
