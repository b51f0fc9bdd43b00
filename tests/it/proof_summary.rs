//! `verify --summary`: however many servers there are, it is one screen.

use vssctl::model::Scope;
use vssctl::render::proof::summary::text;
use vssctl::vss::Moment;
use vssctl::vss::evidence::Unread;
use vssctl::vss::verify::{Cause, Report, Verdict, Verified};

use crate::harness::{MAIN_JOB, Place};

fn scope() -> Scope {
    Scope {
        stack: "windows-backup".to_owned(),
        account_id: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        iam_path: "/".to_owned(),
    }
}

fn verified(number: usize, verdict: Verdict, cause: Option<(String, String)>) -> Verified {
    Verified {
        id: format!("i-{number:017x}"),
        name: if number.is_multiple_of(50) { String::new() } else { format!("server-{number}") },
        verdict,
        reason: format!("the backup of 2026-01-{:02} 18:{:02} UTC", number % 28 + 1, number % 60),
        cause: cause.map(|(cause, fix)| Cause { cause, fix, checks: Vec::new() }),
        proof: None,
        last_vss: None,
        max_age: None,
        plans: Vec::new(),
        copies: Vec::new(),
        running: None,
        notes: Vec::new(),
        history: Vec::new(),
    }
}

/// Five hundred servers with so many causes.
fn five_hundred(causes: usize) -> Report {
    let instances = (0..500).map(|number| {
        let cause = |what: &str| {
            let cause = format!(
                "{what}, cause {} of many \u{1b}[31m, seen in snap-{number:017x} at 2026-01-05",
                number % causes
            );
            (
                cause,
                format!("run `vssctl doctor i-{number:017x}` and then do all that it says, which may be quite long"),
            )
        };
        match number % 5 {
            0 => verified(number, Verdict::Consistent, None),
            1 => verified(number, Verdict::CrashOnly, Some(cause("VSS did not work"))),
            2 => verified(number, Verdict::Failed, Some(cause("AWS Backup says: no"))),
            3 => verified(number, Verdict::Pending, None),
            _ => verified(number, Verdict::Never, Some(cause("no plan selects it"))),
        }
    });
    let (read_at, since) = (Moment::from_seconds(1_767_600_000), Moment::from_seconds(1_767_000_000));
    Report { read_at, since, instances: instances.collect(), unread: Vec::new() }
}

fn shown(report: &Report, width: usize) -> String {
    anstream::adapter::strip_str(&text(report, &scope(), width)).to_string()
}

/// How many instances the groups and the line about what is left out speak of.
fn counted(text: &str) -> usize {
    let number = |words: &str| words.split(' ').next().and_then(|word| word.parse::<usize>().ok());
    let heads = text.lines().filter(|line| !line.starts_with(' ') && !line.starts_with("and ")).filter_map(|line| {
        let (_, rest) = line.split_once(' ')?;
        rest.contains("instance").then(|| number(rest)).flatten()
    });
    let left = text
        .lines()
        .filter_map(|line| line.strip_prefix("and ")?.split_once(" on ").and_then(|(_, rest)| number(rest)));
    heads.sum::<usize>() + left.sum::<usize>()
}

#[test]
fn five_hundred_servers_are_one_screen_and_every_one_is_counted() {
    for causes in [1, 2, 7, 60, 500] {
        for width in [120, 80] {
            let mut report = five_hundred(causes);
            let text = shown(&report, width);
            assert!(text.lines().count() <= 40, "{causes}, {width}: {} lines\n{text}", text.lines().count());
            assert!(text.lines().all(|line| line.chars().count() <= width), "{causes}, {width}:\n{text}");
            assert_eq!(counted(&text), 500, "{causes}, {width}:\n{text}");
            assert!(
                text.ends_with("Verify: 100 consistent, 100 pending, 100 never, 100 crash-only, 100 failed.\n"),
                "{text}"
            );
            assert!(!text.contains('\u{1b}'));
            // What could not be read is said too.
            report.unread = (0..30)
                .map(|number| Unread { action: format!("ec2:Describe{number}"), message: "denied".to_owned() })
                .collect();
            let text = shown(&report, width);
            assert!(text.lines().count() <= 40, "{causes}, {width}:\n{text}");
            assert!(text.contains("ec2:Describe0") && text.contains("and 28 more"), "{text}");
        }
    }
    // One cause is one group, whatever times and ids are in it, and names stand in the order of their numbers.
    let text = shown(&five_hundred(1), 120);
    assert_eq!(text.matches("cause: ").count(), 4, "{text}");
    assert!(text.contains("server-2 (i-00000000000000002), server-7 (i-00000000000000007), server-12 ("), "{text}");
}

#[test]
fn the_command_groups_what_it_reads_and_other_formats_have_all_of_it() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let fleet = "region = 'ap-northeast-1'\nhistory = '5d'\n[[instance]]\nname = 'web'\ncount = 30\ntags = { VssBackup = 'enabled' }\n";
    place.write("fleet.toml", fleet);
    place.sandbox(&["sandbox", "load", "fleet.toml"]).exits(0);
    place.sandbox(&["sandbox", "advance", "3d"]).exits(0);
    let text = place.sandbox(&["verify", "--summary"]).exits(8).stdout;
    assert!(text.contains("30 instances") && text.lines().count() <= 40, "{text}");
    assert!(text.contains("`vssctl --sandbox=account.json doctor") || text.contains("fix: "), "{text}");
    place.sandbox(&["verify", "--summary", "--format", "json"]).exits(6);
}
