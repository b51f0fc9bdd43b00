//! `vssctl fmt`: whatever a file looks like, its layout says the same, with every comment in its place.

use std::path::{Path, PathBuf};

use toml::Table;
use vssctl::config::formatting::{LayoutError, format};
use vssctl::config::load_text;

use crate::harness::{MAIN_JOB, Place};

/// Everything that TOML allows and few people write.
const STRANGE: &str = "\
\"quoted key\" = 'a # no comment'\n'literal'.\"b.c\" . d = 0xFF\n\
multi = \"\"\"\n# no comment \\\n   \"quoted\" ,\n\"\"\"\n\
raw = '''[1, # no comment\n]'''\nempty = []\nnone = {}\nnested = [[], [[1]], [{a = [1,2,],b={c=[]}}], ]\n\
dates = [1979-05-27, 07:32:00, 1979-05-27T07:32:00Z]\nfloats = [1e3, -inf, nan, 1_0.5]\n\
\"\" = \"\\u00e4\\n\\\\\\\"\"\ninline = { a.b = 1, \"c d\" = [ 'x', \"]\" ], e = { } }\n\
long = [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \
\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\", \"ccccccccccccccccccccccccccc\"]\n\
wide = { a = [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \
\"bbbbbbbbbbbbbbbbbbbbbbbbb\"], b = [\"日本語日本語日本語日本語\", 'ü'] }\n\
[ a ]\n[a . b]\n[a.\"c d\"]\nx = 1\n[[ l ]]\n[[l]]\n[l.m]\n";

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Texts to lay out: those of the repository that are TOML, each with the folder that it is resolved in.
fn texts() -> Vec<(String, String)> {
    let mut found = vec![("strange".to_owned(), STRANGE.to_owned()), ("main job".to_owned(), MAIN_JOB.to_owned())];
    for folder in [".", "examples", "tests/hostile", "fuzz/corpus/config", "src/cli"] {
        for entry in std::fs::read_dir(root(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let is_toml =
                text.as_deref().is_some_and(|text| table(text).is_some()) && path.extension() != Some("rs".as_ref());
            // The largest are about sizes, and take long.
            if let Some(text) = text.filter(|text| is_toml && text.len() < 20_000) {
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(found.len() > 15, "{}", found.len());
    found
}

/// What a text says, if it is TOML. As text, for no number is `nan`.
fn table(text: &str) -> Option<String> {
    let table = text.strip_prefix('\u{feff}').unwrap_or(text).parse::<Table>();
    table.ok().map(|table| format!("{table:?}"))
}

/// What a text says, read by a scanner that knows strings and comments and nothing else: without blanks, line ends and
/// commas.
fn scanned(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut found = Vec::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => string_end(rest),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(end);
        if !matches!(first, ' ' | '\t' | '\n' | ',') {
            found.push(token.trim_end_matches([' ', '\t']).to_owned());
        }
        rest = after;
    }
    found
}

/// Finds the end of the string that a text begins with.
fn string_end(text: &str) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let is_long = text.starts_with(&triple);
    let open = if is_long { triple.as_str() } else { quote };
    let mut at = open.len();
    while at < text.len() {
        if quote == "\"" && text[at..].starts_with('\\') {
            at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
        } else if text[at..].starts_with(open) {
            at += open.len();
            // Up to two quotes more belong to a long string.
            while is_long && text[at..].starts_with(quote) {
                at += 1;
            }
            return at;
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// Puts a comment at every place where one may stand, about one in `rate` of them. TOML itself says which those are.
fn sprinkled(text: &str, rate: usize, random: &mut fastrand::Rng) -> String {
    let said = table(text).expect("TOML");
    let mut result = text.to_owned();
    let places: Vec<usize> = text
        .char_indices()
        .filter(|(_, character)| "\n,[]{}".contains(*character))
        .flat_map(|(at, _)| [at, at + 1])
        .chain([text.len()])
        // Between a key and its value no comment may stand, whatever the parser says.
        .filter(|at| !text[..*at].trim_end().ends_with('='))
        .filter(|_| random.usize(..rate) == 0)
        .collect();
    // From the end, so that the places before stay where they are.
    for (number, at) in places.into_iter().rev().enumerate() {
        let comment = match number % 4 {
            0 => format!(" #c{number}\n"),
            1 => format!("\n # own \u{e4} [ \" ' {number}  \t\n"),
            2 => format!("# \"\"\" {number}\n\n\n"),
            _ => format!("\t#{number},]}}\n"),
        };
        let candidate = format!("{}{comment}{}", &result[..at], &result[at..]);
        let holds = scanned(&candidate).iter().any(|token| *token == comment.trim());
        if holds && table(&candidate).as_ref() == Some(&said) {
            result = candidate;
        }
    }
    result
}

/// Checks one text, and returns how many comments it has.
#[track_caller]
fn check(name: &str, text: &str) -> usize {
    let formatted = match format(text) {
        Ok(formatted) => formatted,
        Err(LayoutError::NotToml | LayoutError::Comment | LayoutError::Changed) => {
            panic!("{name} has no layout:\n{text}")
        }
    };
    assert_eq!(table(&formatted), table(text), "{name}\n{text}\n---\n{formatted}");
    assert_eq!(scanned(&formatted), scanned(text), "{name}\n{text}\n---\n{formatted}");
    assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "{name}: a second time\n{text}");
    assert!(formatted.is_empty() || formatted.ends_with('\n') && !formatted.ends_with("\n\n"), "{name}\n{formatted}");
    let own_line = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with("# own")).map(ToOwned::to_owned);
        lines.collect::<Vec<_>>()
    };
    assert_eq!(own_line(&formatted), own_line(text), "{name}: a comment of its own line\n{text}\n---\n{formatted}");
    scanned(text).iter().filter(|token| token.starts_with('#')).count()
}

#[test]
fn every_comment_stays_where_toml_lets_it_stand() {
    let mut random = fastrand::Rng::with_seed(15);
    let (mut comments, mut files) = (0, 0);
    for (name, text) in texts() {
        check(&name, &text);
        for rate in [1, 2, 5] {
            let sprinkled = sprinkled(&text, rate, &mut random);
            comments += check(&name, &sprinkled);
            check(&format!("{name}, CRLF"), &sprinkled.replace("\r\n", "\n").replace('\n', "\r\n"));
            check(
                &format!("{name}, byte order mark"),
                &format!("\u{feff}{}", sprinkled.trim_start_matches('\u{feff}')),
            );
            check(&format!("{name}, no end"), sprinkled.trim_end());
            files += 4;
        }
    }
    println!("{files} files with {comments} comments laid out");
    assert!(comments > 5_000, "{comments}");
}

#[test]
fn a_file_that_is_laid_out_resolves_to_the_same() {
    let mut files = 0;
    for (name, text) in texts() {
        let folder = Path::new(&name).parent().map(Path::to_path_buf);
        let resolved = |text: &str| {
            let loaded = load_text("vss.toml", text, folder.as_deref());
            let codes: Vec<_> = loaded.diagnostics.iter().map(|one| (one.code, one.message.clone())).collect();
            let config = loaded.config.map(|config| {
                let mut desired = config.desired;
                for one in &mut desired {
                    one.location = None;
                }
                (format!("{:?}{:?}", config.scope, config.thresholds), desired, config.consents.len())
            });
            (config, codes)
        };
        let (before, after) = (resolved(&text), resolved(&format(&text).expect("TOML")));
        files += usize::from(before.0.is_some());
        assert_eq!(before.0, after.0, "{name}");
        let sorted = |mut codes: Vec<(&'static str, String)>| {
            codes.sort();
            codes
        };
        assert_eq!(sorted(before.1), sorted(after.1), "{name}");
    }
    assert!(files >= 7, "{files}");
}

#[test]
fn what_vssctl_ships_and_writes_is_in_the_layout() {
    let mut files = 0;
    for folder in [".", "examples", "src/cli"] {
        for entry in std::fs::read_dir(root(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.extension().is_some_and(|end| end == "toml")
                && !["Cargo.toml", "clippy.toml", "rustfmt.toml"].contains(&name.as_str())
            {
                let text = std::fs::read_to_string(&path).expect("a text");
                // The braces of the template are names that are replaced.
                let place = Place::empty();
                place.write(&name, &text);
                place.run(&["fmt", "--check", &name]).exits(0);
                files += 1;
            }
        }
    }
    assert!(files >= 7, "{files}");
    let place = Place::empty();
    place.run(&["init"]).exits(0);
    assert_eq!(place.run(&["fmt", "--check"]).exits(0).stdout, "");
}

const LOOSE: &str = "[stack]\nname='x'   # why\naccount_id=\"123456789012\"\nregion = \"ap-northeast-1\"\n[vault.v]\n";
const TIDY: &str =
    "[stack]\nname = 'x' # why\naccount_id = \"123456789012\"\nregion = \"ap-northeast-1\"\n\n[vault.v]\n";

#[test]
fn a_file_is_written_or_only_looked_at() {
    let place = Place::with(LOOSE);
    assert_eq!(place.run(&["fmt", "--check"]).exits(8).stdout, "vss.toml\n");
    let diff = place.run(&["fmt", "--diff"]).exits(0).stdout;
    assert!(diff.starts_with("--- vss.toml\n+++ vss.toml\n@@") && diff.contains("\n-name='x'   # why\n"), "{diff}");
    assert_eq!(place.run(&["fmt", "--diff", "--check"]).exits(8).stdout, diff);
    assert_eq!(place.read("vss.toml"), LOOSE);
    assert_eq!(place.run(&["fmt"]).exits(0).stdout, "vss.toml\n");
    assert_eq!(place.read("vss.toml"), TIDY);
    for arguments in [&["fmt"][..], &["fmt", "--check"], &["fmt", "--diff"]] {
        assert_eq!(place.run(arguments).exits(0).stdout, "", "{arguments:?}");
    }
    place.write("a.toml", LOOSE);
    place.write("b.toml", TIDY);
    assert_eq!(place.run(&["fmt", "--check", "a.toml", "b.toml", "vss.toml"]).exits(8).stdout, "a.toml\n");
    // The patch of the difference makes it.
    place.shell("vssctl fmt --diff a.toml | patch a.toml").exits(0);
    assert_eq!(place.read("a.toml"), TIDY);
}

#[test]
fn the_standard_input_is_answered_on_the_standard_output() {
    let place = Place::empty();
    place.write("loose", LOOSE);
    assert_eq!(place.shell("vssctl fmt - < loose").exits(0).stdout, TIDY);
    assert_eq!(place.shell("vssctl fmt --check - < loose").exits(8).stdout, "<stdin>\n");
    assert_eq!(place.shell("vssctl fmt - < loose | vssctl fmt --check -").exits(0).stdout, "");
    place.write("strange", STRANGE.replace("\u{e4}", "\u{9b}31m\u{202e}"));
    let twice = place.shell("vssctl fmt - < strange | vssctl fmt -").exits(0).stdout;
    assert_eq!(table(&twice), table(&place.read("strange")));
    assert!(place.shell("printf 'a = ' | vssctl fmt -").exits(6).stdout.is_empty());
    place.shell("head -c 2000000 /dev/zero | tr '\\0' '#' | vssctl fmt -").exits(6);
}

#[test]
fn a_file_that_is_not_toml_is_left_as_it_is_and_the_others_are_not() {
    let place = Place::empty();
    place.write("broken.toml", "[stack\nname='x'\n");
    place.write("good.toml", LOOSE);
    let run = place.run(&["fmt", "broken.toml", "good.toml", "none.toml", "."]).exits(6);
    assert!(run.stderr.contains("VSS0101") && run.stderr.contains("broken.toml:1"), "{}", run.stderr);
    assert!(run.stderr.contains("there is no file `none.toml`"), "{}", run.stderr);
    assert_eq!(place.read("broken.toml"), "[stack\nname='x'\n");
    assert_eq!(place.read("good.toml"), TIDY);
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_mode_and_a_link_is_not_written() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let place = Place::empty();
    place.write("real.toml", LOOSE);
    let path = place.path().join("real.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink("real.toml", place.path().join("vss.toml")).expect("a link");
    let run = place.run(&["fmt"]).exits(4);
    assert!(run.stderr.contains("is a link"), "{}", run.stderr);
    assert_eq!(place.run(&["fmt", "--check"]).exits(8).stdout, "vss.toml\n");
    assert_eq!(place.read("real.toml"), LOOSE);
    place.run(&["fmt", "real.toml"]).exits(0);
    assert_eq!(place.read("real.toml"), TIDY);
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o640);
    let left: Vec<_> =
        std::fs::read_dir(place.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    // What a link leads to and is nobody's configuration is not shown.
    place.write("token.toml", "[registry]\ntoken='SECRET'\n");
    std::fs::remove_file(place.path().join("vss.toml")).expect("a link");
    symlink("token.toml", place.path().join("vss.toml")).expect("a link");
    let run = place.run(&["fmt", "--diff"]).exits(0);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains("SECRET"), "{run:?}");
}

#[test]
fn a_difference_does_not_show_what_nobody_is_shown() {
    let text = "[stack]\nname='x'\naccount_id=\"123456789012\"\nregion=\"ap-northeast-1\"\n\
                [restore_test.a.selection.b]\noverrides={iamInstanceProfileName=\"SECRET\"}\n";
    let place = Place::with(text);
    let run = place.run(&["fmt", "--diff"]).exits(0);
    assert!(run.stdout.contains("overrides") && !run.stdout.contains("SECRET"), "{}", run.stdout);
    place.run(&["fmt"]).exits(0);
    assert!(place.read("vss.toml").contains("overrides = { iamInstanceProfileName = \"SECRET\" }"));
}
