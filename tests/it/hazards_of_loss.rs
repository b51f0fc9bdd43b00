//! Hazards of what is lost on the way to something else: replaced roles and vaults, first pins, dropped schedules, denials.

use crate::harness::{MAIN_JOB, Place};
use crate::hazards::{NO_CHANGES, all, asks, back_up, nothing};

/// The file with another path for the role of AWS Backup.
fn moved() -> String {
    MAIN_JOB.replace("preset = \"backup-service\"", "preset = \"backup-service\"\npath = \"/x/\"")
}

/// A text without the ends of its lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file with a key for the vault.
fn keyed() -> String {
    let key = "arn:aws:kms:ap-northeast-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    MAIN_JOB.replace("[vault.vss]", &format!("[vault.vss]\nkms_key = \"{key}\""))
}

#[test]
fn a_role_that_alone_is_targeted_takes_along_the_selection_that_names_its_old_arn() {
    let target = ["--target", "role.AWSBackupVss"];
    let shown = asks("protection-gap", "role.AWSBackupVss", MAIN_JOB, nothing, &moved(), &target);
    assert!(shown.contains("selection.daily.windows"), "{shown}");
    // A selection that may not be made again keeps its role.
    let protected = "[plan.daily.selection.windows]\nprotect = true";
    let file = MAIN_JOB.replace("[plan.daily.selection.windows]", protected);
    let place = Place::with(&file);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", moved().replace("[plan.daily.selection.windows]", protected));
    for more in [&target[..], &[]] {
        let consent = all();
        let apply = [&["apply", "--yes", "--allow", consent.as_str()], more].concat();
        let run = place.sandbox(&apply).exits(4);
        assert!(run.stdout.contains("`selection.daily.windows` would be replaced with it"), "{}", run.stdout);
    }
    place.write("vss.toml", &file);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn a_role_that_is_made_again_leaves_its_recovery_points_behind() {
    let full = |place: &Place| back_up(place, "vss");
    let shown = asks("retention-orphan", "role.AWSBackupVss", MAIN_JOB, full, &moved(), &[]);
    assert!(unwrapped(&shown).contains("to expire the 1 recovery points in the vault `vss`"), "{shown}");
}
