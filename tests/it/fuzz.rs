//! The fuzz targets without a fuzzer: every file of their corpora as it is, then so many changed ones. One count is always the
//! same inputs.
//!
//! `VSSCTL_FUZZ=N` asks for more executions of each target; `fuzz/README.md` says how to let libFuzzer look for new ways.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::convergence::random::Random;

#[expect(unreachable_pub, reason = "it is a library when a fuzzer runs it")]
#[path = "../../fuzz/src/lib.rs"]
pub(crate) mod targets;

/// So many executions of each target come with every test run; `tests/run` asks for more.
const EXECUTIONS: u64 = 200;
/// No input is longer than twice this.
const LONGEST: usize = 64 << 10;
/// Nothing takes that long, on any machine.
const SLOW: Duration = Duration::from_secs(20);

/// What is worth putting anywhere: ends of documents, numbers at their ends, and what terminals act on.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"'",
    b"\"\"\"",
    b"\\u0000",
    b"\\ud800",
    b"\\u202e",
    b"\\\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[[",
    b"]]",
    b"[[[[[[[[",
    b"{\"a\":",
    b"=",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\r",
    b"\t",
    b"\0",
    b"#",
    b"//",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-1",
    b"1e999",
    b"-0.0",
    b"18446744073709551616",
    b"9223372036854775807",
    b"99999999999999999999999999",
    b"inf",
    b"nan",
    b"${account_id}",
    b"${",
    b"%",
    b"%00",
    b"%FF",
    b"../",
    b"/",
    b"*",
    b"?",
    b"arn:aws:iam::123456789012:role/",
    b"arn:",
    b"::::",
    b"AWS",
    b"Statement",
    b"NotAction",
    b"<",
    b">",
    b"</",
    b"/>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"&amp;",
    b"&#0;",
    b"&#x202e;",
    b"&lol;",
    b"<!DOCTYPE x [<!ENTITY lol \"lol\">]>",
    b"<?xml version=\"1.0\"?>",
    b"<member>",
    b"</member>",
    b"<IsTruncated>true</IsTruncated>",
    b"<Marker>m</Marker>",
    b"\"NextToken\":\"t\",",
    "\u{202e}".as_bytes(),
    "\u{2066}".as_bytes(),
    "\u{200b}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{9b}31m".as_bytes(),
    "\u{2028}".as_bytes(),
    "\u{e0041}".as_bytes(),
    "\u{430}".as_bytes(),
    "\u{1f980}".as_bytes(),
    b"\x1b[2J",
    b"\x1b]0;x\x07",
    b"\xff\xfe",
    b"\xc3",
    b"\xed\xa0\x80",
    b"extends = \"base.toml\"\n",
    b"adopt = true\n",
    b"name = \"\"\n",
    b"1970-01-01T00:00:00Z",
    b"9999-12-31T23:59:59Z",
    b"+262143",
    b"cron(0 5 ? * * *)",
    b"rate(0 days)",
    b"1h",
    b"-1d",
    b"99999999999d",
];

/// Changes some bytes: one change mostly, many sometimes.
fn mutate(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = random.pick(corpus).clone();
    let changes = if random.one_in(4) { 1 + random.below(40) } else { 1 + random.below(3) };
    for _ in 0..changes {
        let at = random.below(bytes.len() + 1);
        let length = 1 << random.below(10);
        let end = (at + random.below(length)).min(bytes.len());
        match random.below(8) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.next().to_le_bytes()[0];
                }
            }
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let part = bytes[at..end].repeat(1 + random.below(4));
                bytes.splice(at..at, part);
            }
            5 => {
                let other = random.pick(corpus);
                let from = random.below(other.len() + 1);
                let to = (from + random.below(200)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            6 => {
                // Deep or long.
                let times = 1 << random.below(12);
                let word = random.pick(WORDS).repeat(times);
                bytes.splice(at..at, word);
            }
            _ => drop(bytes.splice(at..at, random.pick(WORDS).iter().copied())),
        }
        bytes.truncate(2 * LONGEST);
    }
    bytes
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    // An account is fed with what one call is fed with.
    let folder = match name {
        "account" => "response",
        name => name,
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(folder);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "{}: {} files", folder.display(), paths.len());
    paths.iter().map(|path| std::fs::read(path).expect("a corpus file")).collect()
}

fn run(name: &str) {
    let (_, target) = targets::TARGETS.iter().find(|(target, _)| *target == name).expect("a target");
    let asked = std::env::var("VSSCTL_FUZZ").ok().and_then(|text| text.parse().ok());
    let executions: u64 = asked.unwrap_or(EXECUTIONS);
    // Everything is read for each of them.
    let executions = if name == "account" { executions / 10 } else { executions };
    let corpus = corpus(name);
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    let once = |bytes: &[u8], which: &str, slowest: &mut Duration| {
        let began = Instant::now();
        if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{which}"));
            std::fs::write(&path, bytes).expect("a file in the target directory");
            panic!("{name}: {which} fails; {} has it, and `fuzz/corpus/` keeps it once it has a name", path.display());
        }
        *slowest = (*slowest).max(began.elapsed());
        assert!(*slowest < SLOW, "{name}: {which} took {slowest:?}:\n{}", String::from_utf8_lossy(bytes));
    };
    for (index, bytes) in corpus.iter().enumerate() {
        once(bytes, &format!("corpus-{index}"), &mut slowest);
    }
    for execution in 0..executions {
        let mut random = Random::new(execution);
        once(&mutate(&mut random, &corpus), &format!("execution-{execution}"), &mut slowest);
    }
    println!(
        "fuzz {name}: {} kept files, {executions} executions in {:.1} s, the slowest {:.0} ms, 0 failed",
        corpus.len(),
        started.elapsed().as_secs_f64(),
        slowest.as_secs_f64() * 1e3
    );
}

#[test]
fn any_file_is_a_configuration_or_printable_errors() {
    run("config");
}

#[test]
fn any_document_is_a_policy_or_an_error() {
    run("policy");
}

#[test]
fn any_saved_plan_is_one_or_refused() {
    run("plan");
}

#[test]
fn any_answer_to_a_call_is_taken_whole_or_not_at_all() {
    run("response");
}

#[test]
fn any_answer_while_all_is_read_leaves_a_plan_that_holds_together() {
    run("account");
}

#[test]
fn any_text_is_printed_so_that_no_terminal_acts_on_it() {
    run("output");
}

#[test]
fn the_corpus_of_answers_has_one_to_each_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/response");
    for answer in targets::response::answers() {
        let path = folder.join(answer.call.replace(':', "-"));
        if !path.exists() {
            std::fs::write(&path, answer.to_bytes()).expect("the corpus");
            panic!("{} was missing and is there now", path.display());
        }
    }
}
