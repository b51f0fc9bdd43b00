//! The machine's clock against AWS's: a proxy before a served account changes the `Date` of its answers.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};

use crate::faults::Served;
use crate::harness::Run;

/// Reads a message with its body, or what there is until the end.
fn message(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).ok()?;
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
    let mut body = vec![0; length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Sends a message on, with these lines in place of those of the same names.
fn send(stream: &mut TcpStream, head: &str, body: &[u8], instead: &[(&str, String)]) -> Option<()> {
    let is_kept = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        instead.iter().all(|(other, _)| *other != name)
    };
    let mut text: String = head.trim_end().lines().filter(is_kept).flat_map(|line| [line, "\r\n"]).collect();
    for (name, value) in instead {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).ok()?;
    stream.write_all(body).ok()
}

/// Starts a proxy that puts the date of every answer so many seconds off; it ends with the test.
fn proxy(served: &Served, seconds: i64) -> String {
    let target = served.url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(mut client), target) = (client, target.clone()) else { return };
            std::thread::spawn(move || {
                let close = ("connection", "close".to_owned());
                let (head, body) = message(&mut client)?;
                let mut account = TcpStream::connect(target).ok()?;
                send(&mut account, &head, &body, std::slice::from_ref(&close))?;
                let (head, body) = message(&mut account)?;
                let date = head.lines().find_map(|line| line.strip_prefix("date: "))?;
                let date: Timestamp = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
                let date = date + SignedDuration::from_secs(seconds);
                let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                send(&mut client, &head, &body, &[close, ("date", date)])
            });
        }
    });
    url
}

fn run_at(served: &Served, url: &str, arguments: &[&str]) -> Run {
    Run::from(served.prepare_at(url, arguments, "123456789012").output().expect("vssctl runs"))
}

const SAID: &str = "this machine's clock is ";

#[test]
fn a_clock_that_is_more_than_a_minute_off_is_told_with_its_direction() {
    let served = Served::in_real_time();
    for (seconds, direction) in [(90, "s behind AWS's"), (-90, "s ahead of AWS's"), (400, "6 min 40 s behind")] {
        let url = proxy(&served, seconds);
        let run = run_at(&served, &url, &["plan"]).exits(0);
        assert!(run.stderr.contains(SAID) && run.stderr.contains("w32tm"), "{seconds}: {}", run.stderr);
        let (seconds, less) = (direction, direction.replace("40 s", "39 s"));
        assert!(run.stderr.contains(seconds) || run.stderr.contains(&less), "{}", run.stderr);
        assert!(!run.stdout.contains(SAID));
    }
    for seconds in [0, 50, -50] {
        let url = proxy(&served, seconds);
        let run = run_at(&served, &url, &["plan"]).exits(0);
        assert!(!run.stderr.contains(SAID), "{seconds}: {}", run.stderr);
    }
    // Off by a minute and a half it is said, and applied.
    let run = run_at(&served, &proxy(&served, 90), &["apply", "--yes"]).exits(0);
    assert!(run.stderr.contains(SAID) && run.stdout.contains("Apply complete!"), "{}", run.stderr);
}

#[test]
fn a_clock_that_is_more_than_five_minutes_off_keeps_from_writing() {
    for seconds in [400, -400] {
        let served = Served::in_real_time();
        served.run(&["plan", "--out", "saved.json"]).exits(0);
        let url = proxy(&served, seconds);
        served.sandbox.clear_requests();
        for arguments in [
            &["apply", "--yes"][..],
            &["apply", "--yes", "--lock=none"],
            &["apply", "saved.json", "--yes"],
            &["destroy", "--yes"],
            &["adopt", "vault.vss", "--yes"],
            &["unlock", "--epoch", "1", "--yes"],
            &["backup", "i-0123456789abcdef0"],
        ] {
            let run = run_at(&served, &url, arguments).exits(4);
            assert!(run.stderr.contains(SAID) && run.stderr.contains("hint: "), "{arguments:?}: {}", run.stderr);
        }
        for arguments in [&["verify"][..], &["doctor"], &["coverage"], &["show"], &["plan"]] {
            let run = run_at(&served, &url, arguments);
            assert!(run.code != Some(4) && run.stderr.contains(SAID), "{arguments:?}: {run:?}");
        }
        assert!(served.sandbox.requests().iter().all(|request| !request.write), "{:?}", served.sandbox.requests());
    }
}

#[test]
fn an_account_whose_time_was_advanced_is_no_clock_that_is_wrong() {
    let served = Served::in_real_time();
    served.sandbox.advance(Duration::from_hours(50)).expect("the clock");
    let run = served.run(&["apply", "--yes"]).exits(0);
    assert!(!run.stderr.contains(SAID), "{}", run.stderr);
    // A proxy that changes the date is seen there too.
    run_at(&served, &proxy(&served, 400), &["destroy", "--yes"]).exits(4);
    // An account with a clock of its own, years from here.
    let run = Served::new().run(&["apply", "--yes"]).exits(0);
    assert!(!run.stderr.contains(SAID), "{}", run.stderr);
}
