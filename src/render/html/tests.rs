//! Pages as XML: hostile text stays text, numbers agree, and a large account makes a page that still opens.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;
use crate::model::safe::is_hidden;
use crate::vss::coverage::coverage as cover;
use crate::vss::evidence::{Evidence, Instance, Job, Known, Selection, Tags, Unread};
use crate::vss::fixture;
use crate::vss::verify::{Options, verify as judge};

const FALLBACK: &str = "Windows VSS Backup Job Error encountered, trying for regular backup";

fn origin<'a>(evidence: &'a Evidence, caller: &'a str) -> Origin<'a> {
    Origin { scope: &evidence.scope, caller, file: "vss.toml", digest: "0123abcd", sandbox: false }
}

const CALLER: &str = "arn:aws:sts::123456789012:assumed-role/Auditor/me";

fn verdicts(evidence: &Evidence) -> String {
    verify(&judge(evidence, &Options::default()), evidence, origin(evidence, CALLER))
}

fn covered(evidence: &Evidence) -> String {
    coverage(&cover(evidence), evidence, origin(evidence, CALLER))
}

/// The elements of a page with their number, and its text.
fn parsed(page: &str) -> (BTreeMap<String, usize>, String) {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = true;
    let (mut elements, mut text, mut depth) = (BTreeMap::new(), String::new(), 0_i64);
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error} at {}", reader.buffer_position())) {
            Event::Eof => break,
            Event::Start(start) => {
                depth += 1;
                for attribute in start.attributes() {
                    attribute.unwrap();
                }
                *elements.entry(start.name().as_ref().to_owned()).or_insert(0) += 1;
            }
            Event::Empty(empty) => {
                for attribute in empty.attributes() {
                    attribute.unwrap();
                }
                *elements.entry(empty.name().as_ref().to_owned()).or_insert(0) += 1;
            }
            Event::End(_) => depth -= 1,
            Event::Text(one) => text.push_str(&one),
            Event::GeneralRef(one) => text.push_str(match &*one {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                "quot" => "\"",
                "#39" => "'",
                other => panic!("&{other};"),
            }),
            Event::CData(_) | Event::Comment(_) | Event::PI(_) => panic!("neither is written"),
            Event::Decl(_) | Event::DocType(_) => {}
        }
    }
    assert_eq!(depth, 0);
    (elements, text)
}

#[test]
fn hostile_names_tags_and_messages_stay_text() {
    let evil =
        "</title><script>alert(1)</script><img src=x onerror='a\"b'>&\u{202e}\u{1b}[31m\u{0}\u{ffff}]]>--><!-- `";
    let mut evidence = fixture::healthy();
    evidence.scope.stack = evil.to_owned();
    let instance = fixture::instance(&mut evidence);
    instance.name = evil.to_owned();
    instance.state = evil.to_owned();
    instance.tags.insert("vssbackup".to_owned(), "Enabled".to_owned());
    instance.tags.insert("VssBackup".to_owned(), evil.to_owned());
    fixture::plan(&mut evidence).name = evil.to_owned();
    let mut job = fixture::fallback("j", "2026-01-14T18:00:00Z", evil);
    (job.vault, job.id, job.message_category) = (evil.to_owned(), evil.to_owned(), Some(evil.to_owned()));
    let mut sound = fixture::job("k", "2026-01-13T18:00:00Z");
    sound.recovery_point_arn = Some(format!("arn:aws:ec2:eu-west-1::image/{evil}"));
    evidence.jobs = Known::Known(vec![job, sound]);
    evidence.opt_in = Known::Unknown(Unread { action: evil.to_owned(), message: evil.to_owned() });
    for page in [
        verify(&judge(&evidence, &Options::default()), &evidence, origin(&evidence, evil)),
        coverage(&cover(&evidence), &evidence, Origin { file: evil, digest: evil, ..origin(&evidence, evil) }),
    ] {
        let (elements, text) = parsed(&page);
        for element in ["script", "img", "iframe", "object", "link", "base", "form"] {
            assert!(!elements.contains_key(element), "{element}");
        }
        // The title of the page, of the chart, and of its two bars.
        assert_eq!(elements["title"], if elements.contains_key("svg") { 4 } else { 1 });
        assert!(text.contains("<script>alert(1)</script>") && text.contains("\\u{202e}\\u{1b}[31m\\u{0}"), "{text}");
        let hidden = |character: char| character != '\n' && (is_hidden(character) || character == '\u{ffff}');
        assert!(!page.contains(hidden));
        assert!(!page.contains("<!--"));
    }
}

#[test]
fn a_page_loads_nothing_and_says_so_to_the_browser() {
    let evidence = fixture::healthy();
    for page in [verdicts(&evidence), covered(&evidence)] {
        let (elements, text) = parsed(&page);
        assert_eq!((elements["h1"], elements["main"], elements["footer"]), (1, 1, 1));
        assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""));
        assert!(!page.contains(" src=") && !page.contains("@import") && !page.contains("url(http"));
        assert!(!page.contains(" href=\"http"));
        for fact in ["windows-backup", "123456789012", "eu-west-1", CALLER, "2026-01-15 12:00 UTC", "0123abcd"] {
            assert!(text.contains(fact), "{fact}");
        }
        assert!(text.contains(concat!("vssctl ", env!("CARGO_PKG_VERSION"))));
        assert!(!text.contains("Simulated"));
    }
    let simulated = Origin { sandbox: true, ..origin(&evidence, CALLER) };
    assert!(coverage(&cover(&evidence), &evidence, simulated).contains("It proves nothing about any real server."));
}

#[test]
fn a_page_shows_the_proofs_of_a_consistent_backup() {
    let text = parsed(&verdicts(&fixture::healthy())).1;
    for said in [
        "The newest backup of the protected instance is application-consistent.",
        "job-1",
        "WindowsVSS",
        "ami-01",
        "snap-01",
        "snap-02",
        "2.5.1 {2c0a1a8e-1b9c-4a2e-8a54-6f0f3f1f4a01}",
        "AWSBackupVss",
    ] {
        assert!(text.contains(said), "{said}");
    }
}

#[test]
fn a_fallback_is_shown_with_its_message_cause_and_fix() {
    let mut evidence = fixture::healthy();
    let jobs =
        [fixture::job("sound", "2026-01-13T18:00:00Z"), fixture::fallback("fell", "2026-01-14T18:00:00Z", FALLBACK)];
    evidence.jobs = Known::Known(jobs.to_vec());
    let page = verdicts(&evidence);
    let text = parsed(&page).1;
    assert!(text.contains(FALLBACK) && text.contains("AWS Backup made a regular backup instead"));
    assert!(text.contains("VSS last worked") && page.contains("href=\"#cause-1\"") && page.contains("id=\"cause-1\""));
}

/// The numbers of the chart's bars and of the table's rows, by day; zeros left out.
fn numbers(page: &str) -> (BTreeMap<String, Vec<String>>, BTreeMap<String, Vec<String>>) {
    const NAMES: [&str; 4] = ["consistent", "VSS by the job alone", "crash-only", "failed"];
    let bars = page.split("<g><title>").skip(1).map(|one| one.split("</title>").next().unwrap());
    let chart = bars
        .map(|one| one.split_once(": ").unwrap())
        .map(|(day, counts)| (day.to_owned(), counts.split(", ").map(str::to_owned).collect()))
        .collect();
    let table = page.split("<caption>Backups per day</caption>").nth(1).unwrap().split("</table>").next().unwrap();
    let rows = table.split("<tr><th scope=\"row\">").skip(1).map(|row| {
        let cells: Vec<&str> = row.split("</tr>").next().unwrap().split("<td>").collect();
        let clean = |cell: &str| cell.replace("</td>", "").replace("</th>", "");
        let counts = cells[1..].iter().map(|cell| clean(cell)).zip(NAMES).filter(|(count, _)| count != "0");
        (clean(cells[0]), counts.map(|(count, name)| format!("{count} {name}")).collect::<Vec<String>>())
    });
    (chart, rows.filter(|(_, counts)| !counts.is_empty()).collect())
}

#[test]
fn the_chart_and_the_table_have_the_same_numbers_and_those_are_the_jobs() {
    let evidence = fleet(12, 30);
    let (chart, mut table) = numbers(&verdicts(&evidence));
    let all = table.remove("all").unwrap();
    assert_eq!(chart, table);
    let total: usize = all.iter().map(|count| count.split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(total, evidence.jobs.known().unwrap().len());
    assert!(chart.len() >= 29, "{}", chart.len());
}

#[test]
fn the_same_evidence_makes_the_same_bytes_in_whatever_order_it_came() {
    let evidence = fleet(5, 10);
    let mut turned = evidence.clone();
    turned.jobs = turned.jobs.clone().map(|jobs| jobs.into_iter().rev().collect());
    turned.instances = turned.instances.clone().map(|instances| instances.into_iter().rev().collect());
    assert_eq!(verdicts(&evidence), verdicts(&turned));
    assert_eq!(covered(&evidence), covered(&turned));
}

#[test]
fn a_thousand_instances_and_ninety_days_make_a_page_that_opens() {
    let evidence = fleet(1_000, 90);
    let page = verdicts(&evidence);
    parsed(&page);
    assert!(page.len() < 16 << 20, "{} bytes", page.len());
    assert!(page.contains("84 older jobs are left out here"));
    let page = covered(&evidence);
    parsed(&page);
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
}

#[test]
fn what_could_not_be_read_stands_before_everything_else() {
    let mut evidence = fixture::healthy();
    let unread = Unread { action: "ec2:DescribeSnapshots".to_owned(), message: "denied".to_owned() };
    evidence.snapshots = Known::Unknown(unread);
    let page = verdicts(&evidence);
    let place = |what: &str| page.find(what).unwrap_or_else(|| panic!("{what}"));
    assert!(place("<h2 id=\"unread\">") < place("<h2 id=\"time\">"));
    assert!(page.contains("verdict doubtful") && parsed(&page).1.contains("ec2:DescribeSnapshots"));
}

#[test]
fn an_empty_account_has_a_page_too() {
    let mut evidence = fixture::healthy();
    (evidence.instances, evidence.jobs, evidence.plans) =
        (Known::Known(Vec::new()), Known::Known(Vec::new()), Known::Known(Vec::new()));
    assert!(parsed(&verdicts(&evidence)).1.contains("No instance is protected by a plan with VSS."));
    assert!(parsed(&covered(&evidence)).1.contains("The region has no backup plan."));
}

#[test]
fn coverage_shows_slips_overlaps_and_what_a_plan_selects() {
    let mut evidence = fixture::healthy();
    fixture::instance(&mut evidence).tags = Tags::from([("VssBakup".to_owned(), "enabled".to_owned())]);
    let text = parsed(&covered(&evidence)).1;
    for said in
        ["VssBakup=enabled", "VssBackup=enabled", "Near miss", "cron(0 18 ? * * *)", "Not protected: 1 instance"]
    {
        assert!(text.contains(said), "{said}");
    }
    let mut evidence = fixture::healthy();
    let mut second = fixture::plan(&mut evidence).clone();
    (second.id, second.name) = ("second".to_owned(), "legacy".to_owned());
    second.selections = Known::Known(vec![Selection { name: "everything".to_owned(), ..Selection::default() }]);
    evidence.plans = evidence.plans.map(|plans| plans.into_iter().chain([second]).collect());
    let text = parsed(&covered(&evidence)).1;
    assert!(
        text.contains("daily/nightly") && text.contains("legacy/nightly") && text.contains("It selects everything.")
    );
}

/// A fleet with its jobs, a fifth of which fall back to regular backups every night.
fn fleet(count: usize, days: i64) -> Evidence {
    let mut evidence = fixture::healthy();
    evidence.jobs_since = fixture::now().plus(-days * 86_400);
    let server = fixture::instance(&mut evidence).clone();
    let (mut instances, mut jobs) = (Vec::new(), Vec::new());
    for index in 0..count {
        let id = format!("i-{index:017x}");
        for day in 0..days {
            let mut job = Job {
                resource_arn: evidence.instance_arn(&id),
                ..fixture::job(&format!("{index:08x}-0000-4000-8000-{day:012x}"), "2026-01-14T18:00:00Z")
            };
            let created = job.created.plus(-day * 86_400);
            (job.created, job.completed) = (created, Some(created.plus(1_200)));
            if index % 5 == 0 {
                job.backup_type = None;
                job.status_message = Some(FALLBACK.to_owned());
            }
            jobs.push(job);
        }
        instances.push(Instance { id, name: format!("server-{index}"), ..server.clone() });
    }
    evidence.instances = Known::Known(instances);
    evidence.jobs = Known::Known(jobs);
    evidence
}
