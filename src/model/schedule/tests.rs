//! Schedules: what is read, what is refused, the canonical texts, and the runs.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

fn backup(text: &str) -> Schedule {
    Schedule::parse(text, Dialect::Backup).unwrap()
}

fn problem(text: &str, dialect: Dialect) -> String {
    Schedule::parse(text, dialect).unwrap_err().problem
}

/// The next runs as local time without the zone.
fn runs(text: &str, from: &str, zone_name: &str, count: usize) -> Vec<String> {
    let schedule = backup(text);
    let zone = zone(zone_name).unwrap();
    let from: Timestamp = from.parse().unwrap();
    schedule.next_runs(from, &zone, count).iter().map(|run| run.strftime("%a %F %R %z").to_string()).collect()
}

#[test]
fn the_same_schedule_has_one_canonical_text() {
    for (given, expected) in [
        ("cron(0 18 ? * * *)", "cron(0 18 ? * * *)"),
        (" cron( 00  05 * * ? *) ", "cron(0 5 ? * * *)"),
        ("cron(0 5 ? * mon-fri *)", "cron(0 5 ? * MON-FRI *)"),
        ("cron(0 5 ? * 2-6 *)", "cron(0 5 ? * MON-FRI *)"),
        ("cron(0 5 ? * WED,MON,WED *)", "cron(0 5 ? * MON,WED *)"),
        ("cron(0 */2 ? * * *)", "cron(0 0/2 ? * * *)"),
        ("cron(0 5 1,15 1 ? 2027)", "cron(0 5 1,15 JAN ? 2027)"),
        ("cron(0 5 L * ? *)", "cron(0 5 L * ? *)"),
        ("cron(0 5 lw * ? *)", "cron(0 5 LW * ? *)"),
        ("cron(0 5 15w * ? *)", "cron(0 5 15W * ? *)"),
        ("cron(0 5 ? * 3#2 *)", "cron(0 5 ? * TUE#2 *)"),
        ("cron(0 5 ? * FRIL *)", "cron(0 5 ? * 6L *)"),
        ("cron(0 5 ? * L *)", "cron(0 5 ? * SAT *)"),
    ] {
        assert_eq!(canonical(given, Dialect::Backup), expected);
    }
    for (given, expected) in [
        ("rate( 1   day )", "rate(1 day)"),
        ("rate(30 minutes)", "rate(30 minutes)"),
        ("at(2026-07-07T15:55:00)", "at(2026-07-07T15:55:00)"),
        ("cron(0 */30 * * * ? *)", "cron(0/30 * ? * * *)"),
        (" something AWS may add later ", "something AWS may add later"),
    ] {
        assert_eq!(canonical(given, Dialect::StateManager), expected);
    }
}

#[test]
fn a_wrong_cron_is_told_which_field_is_wrong_and_why() {
    for (text, expected, underlined) in [
        (
            "cron(0 18 * * *)",
            "has 5 fields, not six: minute, hour, day of month, month, day of week, year",
            "0 18 * * *",
        ),
        ("cron(60 18 ? * * *)", "has `60` as minute, which is 0-59", "60"),
        ("cron(0 24 ? * * *)", "has `24` as hour, which is 0-23", "24"),
        ("cron(0 18 32 * ? *)", "has `32` as day of month, which is 1-31", "32"),
        ("cron(0 18 ? JANUARY * *)", "has `JANUARY` as month, which is 1-12 or JAN-DEC", "JANUARY"),
        ("cron(0 18 ? * 0 *)", "has `0` as day of week, which is 1-7 or SUN-SAT", "0"),
        ("cron(0 18 ? * * 1969)", "has `1969` as year, which is 1970-2199", "1969"),
        (
            "cron(0 18 * * * *)",
            "has neither day of month nor day of week as `?`; AWS wants `?` in one of them",
            "* * *",
        ),
        (
            "cron(0 18 1 * MON *)",
            "has neither day of month nor day of week as `?`; AWS wants `?` in one of them",
            "1 * MON",
        ),
        ("cron(0 18 ? * ? *)", "has `?` for both day of month and day of week", "? * ?"),
        ("cron(? 18 ? * * *)", "has `?` as minute, which is 0-59", "?"),
        ("cron(0 18 20-10 * ? *)", "has the range `20-10` backwards in its day of month field", "20-10"),
        ("cron(0 0/0 ? * * *)", "has a step in `0/0` that is not 1-23", "0/0"),
        ("cron(0 1,* ? * * *)", "has `*` in a list of its hour field", "1,*"),
        ("cron(0 18 ? * MON#6 *)", "has a number after `#` that is not 1-5", "MON#6"),
        ("cron(0 18 ? * 3#1,6#3 *)", "has more than one expression beside `#`", "3#1,6#3"),
        ("cron(0 18 MON#1 * ? *)", "has `#` in its day-of-month field; it belongs to day of week", "MON#1"),
        ("cron(0 18 ? * 3W *)", "has `W` in its day-of-week field; it belongs to day of month", "3W"),
        ("cron(0,30 18 ? * * *)", "runs more often than hourly, which AWS Backup refuses", "0,30 18 ? * * *"),
        ("cron(0 18 31 FEB ? *)", "names no date that exists", "0 18 31 FEB ? *"),
        ("cron(0 18 ? * * *", "does not end with `)`", "cron(0 18 ? * * *"),
        ("rate(1 day)", "is `rate(...)`, and a backup rule takes only `cron(...)`", "rate(1 day)"),
        ("0 18 ? * * *", "is not `cron(...)`", "0 18 ? * * *"),
        ("Cron(0 18 ? * * *)", "is not `cron(...)`", "Cron"),
        ("", "is not `cron(...)`", ""),
    ] {
        let error = Schedule::parse(text, Dialect::Backup).unwrap_err();
        assert_eq!((error.problem.as_str(), &text[error.range.clone()]), (expected, underlined), "{text}");
    }
}

#[test]
fn a_slip_gets_a_schedule_that_would_do() {
    for (text, dialect, expected) in [
        ("cron(0 18 * * *)", Dialect::Backup, "cron(0 18 ? * * *)"),
        ("cron(0 18 * * * *)", Dialect::Backup, "cron(0 18 ? * * *)"),
        ("0 18 1 * * *", Dialect::Backup, "cron(0 18 1 * ? *)"),
        ("CRON(0 18 ? * * *)", Dialect::Backup, "cron(0 18 ? * * *)"),
        ("rate(1 days)", Dialect::StateManager, "rate(1 day)"),
        ("rate(2 day)", Dialect::StateManager, "rate(2 days)"),
        ("1 day", Dialect::StateManager, "rate(1 day)"),
    ] {
        let help = Schedule::parse(text, dialect).unwrap_err().help;
        assert_eq!(help, Some(format!("did you mean `{expected}`?")), "{text}");
    }
    assert_eq!(Schedule::parse("cron(61 18 ? * * *)", Dialect::Backup).unwrap_err().help, None);
}

#[test]
fn a_backup_rule_runs_hourly_at_most() {
    assert!(Schedule::parse("cron(15 * ? * * *)", Dialect::Backup).is_ok());
    assert!(Schedule::parse("cron(0/30 5 ? * * *)", Dialect::Backup).is_err());
    assert!(Schedule::parse("cron(* 5 ? * * *)", Dialect::Backup).is_err());
}

#[test]
fn state_manager_takes_the_shapes_that_its_guide_lists_and_no_others() {
    for text in [
        "cron(0/30 * * * ? *)",
        "cron(0 0/1 * * ? *)",
        "cron(0 0/2 * * ? *)",
        "cron(0 0/4 * * ? *)",
        "cron(0 0/8 * * ? *)",
        "cron(0 0/12 * * ? *)",
        "cron(15 13 ? * * *)",
        "cron(15 13 ? * MON *)",
        "cron(30 23 ? * TUE#3 *)",
        "cron(0 2 ? * 3L *)",
        "rate(30 minutes)",
        "rate(1 hour)",
        "rate(30 days)",
        "at(2026-07-07T15:55:00)",
    ] {
        assert!(Schedule::parse(text, Dialect::StateManager).is_ok(), "{text}");
    }
    for text in [
        "cron(0/15 * * * ? *)",
        "cron(0 0/3 * * ? *)",
        "cron(0 0/6 * * ? *)",
        "cron(0 5 ? JAN * *)",
        "cron(0 5 ? * * 2027)",
        "cron(0 5 ? * MON-FRI *)",
        "cron(0 5 1 * ? *)",
        "cron(0 5,6 ? * * *)",
        "cron(30 0 5 ? * * *)",
        "rate(29 minutes)",
        "rate(31 days)",
        "rate(1 minutes)",
        "rate(0 days)",
        "rate(-1 days)",
        "rate(1 week)",
        "rate(day)",
        "at(2026-07-07)",
        "at(2026-02-30T00:00:00)",
    ] {
        assert!(Schedule::parse(text, Dialect::StateManager).is_err(), "{text}");
    }
    assert_eq!(problem("rate(1 days)", Dialect::StateManager), "has `1 days`, and AWS wants the singular after 1");
    assert_eq!(
        problem("cron(0 5 ? JAN * *)", Dialect::StateManager),
        "names months, which State Manager does not support"
    );
}

#[test]
fn the_next_runs_are_told_in_the_zone_of_the_rule() {
    assert_eq!(
        runs("cron(0 18 ? * * *)", "2026-03-01T08:59:59Z", "Asia/Tokyo", 2),
        ["Sun 2026-03-01 18:00 +0900", "Mon 2026-03-02 18:00 +0900"]
    );
    // A run at the instant itself is not the next run.
    assert_eq!(runs("cron(0 18 ? * * *)", "2026-03-01T09:00:00Z", "Asia/Tokyo", 1), ["Mon 2026-03-02 18:00 +0900"]);
    assert_eq!(
        runs("cron(0 5 ? * MON-FRI *)", "2026-03-06T06:00:00Z", "UTC", 2),
        ["Mon 2026-03-09 05:00 +0000", "Tue 2026-03-10 05:00 +0000"]
    );
    assert_eq!(
        runs("cron(30 23 ? * TUE#3 *)", "2026-01-01T00:00:00Z", "UTC", 2),
        ["Tue 2026-01-20 23:30 +0000", "Tue 2026-02-17 23:30 +0000"]
    );
    // 7 February 2026 is the first Saturday, 31 January the last and the fifth.
    assert_eq!(runs("cron(0 0 ? * SAT#1 *)", "2026-01-31T00:00:00Z", "UTC", 1), ["Sat 2026-02-07 00:00 +0000"]);
    assert_eq!(
        runs("cron(0 0 ? * SAT#5 *)", "2026-01-01T00:00:00Z", "UTC", 2),
        ["Sat 2026-01-31 00:00 +0000", "Sat 2026-05-30 00:00 +0000"]
    );
    assert_eq!(runs("cron(0 0 ? * SATL *)", "2026-01-01T00:00:00Z", "UTC", 1), ["Sat 2026-01-31 00:00 +0000"]);
    assert_eq!(
        runs("cron(0 0 ? * FRIL *)", "2026-01-01T00:00:00Z", "UTC", 2),
        ["Fri 2026-01-30 00:00 +0000", "Fri 2026-02-27 00:00 +0000"]
    );
    assert_eq!(
        runs("cron(0 0 L * ? *)", "2028-02-01T00:00:00Z", "UTC", 2),
        ["Tue 2028-02-29 00:00 +0000", "Fri 2028-03-31 00:00 +0000"]
    );
    // 15 August 2026 is a Saturday, 1 August too: the nearest working day stays in the month.
    assert_eq!(runs("cron(0 0 15W 8 ? *)", "2026-08-01T00:00:00Z", "UTC", 1), ["Fri 2026-08-14 00:00 +0000"]);
    assert_eq!(runs("cron(0 0 1W 8 ? *)", "2026-07-31T00:00:00Z", "UTC", 1), ["Mon 2026-08-03 00:00 +0000"]);
    assert_eq!(runs("cron(0 0 LW 5 ? *)", "2026-05-01T00:00:00Z", "UTC", 1), ["Fri 2026-05-29 00:00 +0000"]);
    assert_eq!(runs("cron(0 0 29 2 ? *)", "2026-01-01T00:00:00Z", "UTC", 1), ["Tue 2028-02-29 00:00 +0000"]);
    assert_eq!(
        runs("cron(0 0 ? * FRI-MON *)", "2026-03-05T00:00:00Z", "UTC", 4),
        [
            "Fri 2026-03-06 00:00 +0000",
            "Sat 2026-03-07 00:00 +0000",
            "Sun 2026-03-08 00:00 +0000",
            "Mon 2026-03-09 00:00 +0000"
        ]
    );
    assert_eq!(runs("cron(0 0 1 1 ? 2030)", "2026-01-01T00:00:00Z", "UTC", 5), ["Tue 2030-01-01 00:00 +0000"]);
    assert!(runs("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00Z", "UTC", 5).is_empty());
}

#[test]
fn daylight_saving_moves_a_skipped_time_and_runs_a_doubled_one_once() {
    assert_eq!(
        runs("cron(30 2 ? * * *)", "2026-03-28T12:00:00Z", "Europe/Berlin", 2),
        ["Sun 2026-03-29 03:30 +0200", "Mon 2026-03-30 02:30 +0200"]
    );
    assert_eq!(
        runs("cron(30 2 ? * * *)", "2026-10-24T12:00:00Z", "Europe/Berlin", 2),
        ["Sun 2026-10-25 02:30 +0200", "Mon 2026-10-26 02:30 +0100"]
    );
    // Samoa had no 30 December 2011.
    assert_eq!(
        runs("cron(0 18 30 12 ? 2011)", "2011-12-30T10:00:00Z", "Pacific/Apia", 2),
        ["Sat 2011-12-31 18:00 +1400"]
    );
}

#[test]
fn intervals_and_single_runs_have_next_runs_too() {
    let from: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let texts = |text: &str| {
        let schedule = Schedule::parse(text, Dialect::StateManager).unwrap();
        let runs = schedule.next_runs(from, &TimeZone::UTC, 2);
        runs.iter().map(|run| run.timestamp().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(texts("rate(12 hours)"), ["2026-03-01T12:00:00Z", "2026-03-02T00:00:00Z"]);
    assert_eq!(texts("at(2026-03-01T00:00:01)"), ["2026-03-01T00:00:01Z"]);
    assert!(texts("at(2026-03-01T00:00:00)").is_empty());
}

#[test]
fn a_schedule_reads_as_a_person_would_say_it() {
    for (text, expected) in [
        ("cron(0 18 ? * * *)", "daily at 18:00"),
        ("cron(0 5,17 ? * * *)", "every 12 hours, from 05:00"),
        ("cron(0 5,18 ? * * *)", "daily at 05:00 and 18:00"),
        ("cron(0 * ? * * *)", "every hour"),
        ("cron(15 * ? * * *)", "every hour, from minute 15"),
        ("cron(0 0/2 ? * * *)", "every 2 hours"),
        ("cron(0 9-17 ? * MON-FRI *)", "every Monday to Friday at minute 0 of hours 9-17"),
        ("cron(15 13 ? * MON *)", "every Monday at 13:15"),
        ("cron(15 13 ? * MON,TUE *)", "every Monday and Tuesday at 13:15"),
        ("cron(15 13 ? * MON-SUN *)", "every day of the week at 13:15"),
        ("cron(30 23 ? * TUE#3 *)", "on the third Tuesday of the month at 23:30"),
        ("cron(0 0 ? * 6L *)", "on the last Friday of the month at 00:00"),
        ("cron(0 0 1 * ? *)", "on day 1 of the month at 00:00"),
        ("cron(0 0 1,15 JAN,JUL ? 2027)", "on days 1 and 15 of the month at 00:00 in January and July in 2027"),
        ("cron(0 0 LW * ? *)", "on the last working day of the month at 00:00"),
        ("cron(0 * 15W * ? *)", "every hour, on the working day nearest to day 15 of the month"),
    ] {
        assert_eq!(backup(text).describe(), expected, "{text}");
    }
    for (text, expected) in [
        ("rate(1 day)", "every day"),
        ("rate(30 minutes)", "every 30 minutes"),
        ("cron(0/30 * * * ? *)", "every 30 minutes"),
        ("at(2026-07-07T15:55:00)", "once, on 2026-07-07 at 15:55:00 UTC"),
    ] {
        assert_eq!(Schedule::parse(text, Dialect::StateManager).unwrap().describe(), expected, "{text}");
    }
}

#[test]
fn a_time_zone_is_known_by_its_iana_name_alone() {
    assert!(zone("Asia/Tokyo").is_ok() && zone("UTC").is_ok() && zone("Etc/UTC").is_ok());
    assert_eq!(zone("asia/tokyo").unwrap_err().similar.as_deref(), Some("Asia/Tokyo"));
    assert_eq!(zone("Tokyo").unwrap_err().similar.as_deref(), Some("Asia/Tokyo"));
    assert_eq!(zone("Asia/Tokio").unwrap_err().similar.as_deref(), Some("Asia/Tokyo"));
    assert_eq!(zone("xyzzy").unwrap_err().similar, None);
    assert_eq!((canonical_zone("UTC").as_str(), canonical_zone("Asia/Tokyo").as_str()), ("Etc/UTC", "Asia/Tokyo"));
}

fn field(values: &'static str) -> impl Strategy<Value = String> {
    let item = proptest::string::string_regex(values).unwrap().boxed();
    prop_oneof![
        4 => item.clone(),
        1 => Just("*".to_owned()),
        1 => (item.clone(), item).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

/// The first moment at which two rules both may start: schedule, time zone and minutes of the window.
fn meeting(one: (&str, &str, u32), other: (&str, &str, u32)) -> Option<String> {
    let year = |(schedule, name, window): (&str, &str, u32)| {
        Year::of(Schedule::parse(schedule, Dialect::Backup).unwrap(), zone(name).unwrap(), window)
    };
    let (one, other) = (year(one), year(other));
    let found = one.first_meeting(&other);
    assert_eq!(found, other.first_meeting(&one));
    found.map(|moment| moment.to_string())
}

#[test]
fn two_schedules_meet_when_the_later_one_begins_within_the_window_of_the_earlier_one() {
    let utc = "Etc/UTC";
    let evening = ("cron(0 20 ? * * *)", utc, 60);
    let first = |other| meeting(evening, other);
    assert_eq!(first(evening).as_deref(), Some("2026-01-05T20:00:00Z"));
    assert_eq!(first(("cron(59 20 ? * * *)", utc, 60)).as_deref(), Some("2026-01-05T20:59:00Z"));
    assert_eq!(first(("cron(0 21 ? * * *)", utc, 60)), None);
    assert_eq!(first(("cron(0 19 ? * * *)", utc, 60)), None);
    assert_eq!(first(("cron(0 19 ? * * *)", utc, 61)).as_deref(), Some("2026-01-05T20:00:00Z"));
    // A day on which four weeks are over, and a day that comes every four years.
    assert_eq!(first(("cron(0 20 3 * ? *)", utc, 60)).as_deref(), Some("2026-02-03T20:00:00Z"));
    assert_eq!(first(("cron(0 20 29 2 ? *)", utc, 60)).as_deref(), Some("2028-02-29T20:00:00Z"));
    assert_eq!(meeting(("cron(0 20 3 * ? *)", utc, 60), ("cron(0 20 4 * ? *)", utc, 60)), None);
    assert_eq!(meeting(("cron(0 20 ? * SAT *)", utc, 60), ("cron(0 20 ? * SUN *)", utc, 60)), None);
    // One hour of Berlin's is this hour in winter, the other one in summer.
    let berlin = |schedule| (schedule, "Europe/Berlin", 60);
    assert_eq!(first(berlin("cron(0 21 ? * * *)")).as_deref(), Some("2026-01-05T20:00:00Z"));
    assert_eq!(first(berlin("cron(0 22 ? * * *)")).as_deref(), Some("2026-07-06T20:00:00Z"));
    assert_eq!(first(berlin("cron(0 23 ? * * *)")), None);
}

prop_compose! {
    /// Cron expressions, most of which are valid.
    fn cron_text()(
        minute in field("[0-9]{1,2}(-[0-9]{1,2})?(/[0-9])?"),
        hour in field("[0-2]?[0-9](-[0-9]{1,2})?(/[0-9])?"),
        day in prop_oneof![Just("?".to_owned()), Just("L".to_owned()), field("[1-3]?[1-9]W?")],
        month in field("([1-9]|JAN|DEC)(-[1-9])?"),
        weekday in prop_oneof![Just("?".to_owned()), field("([1-7]|MON|sat)(#[1-5]|L)?")],
        year in field("20[0-9]{2}(-2[01][0-9]{2})?"),
    ) -> String {
        format!("cron({minute} {hour} {day} {month} {weekday} {year})")
    }
}

proptest! {
    #[test]
    fn canonical_text_means_the_same_and_stays(text in cron_text()) {
        for dialect in [Dialect::Backup, Dialect::StateManager] {
            if let Ok(schedule) = Schedule::parse(&text, dialect) {
                let again = Schedule::parse(&schedule.to_string(), dialect).unwrap();
                prop_assert_eq!(&again, &schedule);
                let from: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
                let runs = schedule.next_runs(from, &TimeZone::UTC, 5);
                prop_assert!(runs.iter().all(|run| run.timestamp() > from));
                prop_assert!(runs.windows(2).all(|pair| pair[0] < pair[1]));
                if dialect == Dialect::Backup {
                    let hour = jiff::SignedDuration::from_hours(1);
                    prop_assert!(runs.windows(2).all(|pair| pair[1].duration_since(&pair[0]) >= hour));
                }
                prop_assert!(!schedule.describe().is_empty());
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), body in "[0-9A-Z*?/,# -]{0,24}") {
        for text in [
            text.clone(),
            format!("cron({text})"),
            format!("rate({text})"),
            format!("at({body})"),
            format!("cron({body})"),
        ] {
            for dialect in [Dialect::Backup, Dialect::StateManager] {
                if let Err(error) = Schedule::parse(&text, dialect) {
                    prop_assert!(text.get(error.range).is_some());
                }
            }
        }
    }
}
