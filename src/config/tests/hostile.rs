//! Files that mean harm, or come from a program that went wrong.

use super::*;

/// Loads a file of bytes as it would come from the disk.
fn bytes(content: &[u8]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vss.toml");
    std::fs::write(&path, content).unwrap();
    load(&path)
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.diagnostics.iter().map(|found| found.code).collect()
}

#[test]
fn the_corpus_of_hostile_files_is_refused_with_places_and_without_a_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let loaded = load(&path);
        seen += 1;
        assert!(loaded.config.is_none(), "{} was taken", path.display());
        for found in &loaded.diagnostics {
            assert!(found.location.is_some(), "{}: {found:?}", path.display());
        }
        let style = crate::render::diagnostics::Style::default();
        let shown = crate::render::diagnostics::render(&loaded.diagnostics, &loaded.sources, style);
        let plain = |character: char| !crate::model::safe::is_hidden(character) || character == '\n';
        assert!(shown.chars().all(plain), "{}: {shown}", path.display());
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn a_file_that_cannot_be_read_is_told_apart_from_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(codes(&load(&folder.path().join("none.toml"))), ["VSS0106"]);
    assert_eq!(codes(&load(folder.path())), ["VSS0106"]);
    assert_eq!(codes(&load(Path::new("/dev/zero"))), ["VSS0106"]);
    assert_eq!(codes(&bytes(b"")), ["VSS0105"]);
}

#[test]
fn a_file_of_ten_megabytes_is_refused_before_it_is_parsed() {
    assert_eq!(codes(&bytes(&vec![b'['; 10 * 1024 * 1024])), ["VSS0107"]);
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let loaded = bytes(b"[stack]\nname = \"\xff\"\n");
    assert_eq!(codes(&loaded), ["VSS0108"]);
    let found = loaded.diagnostics.iter().next().unwrap();
    let location = found.location.as_ref().unwrap();
    assert_eq!((location.line, location.column), (2, 9));
    assert!(found.message.ends_with("is not UTF-8: line 2, column 9 has the byte 0xFF"), "{}", found.message);
}

#[test]
fn a_file_as_windows_saves_it_is_the_same_file() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("vss.toml")).unwrap();
    let marked = format!("\u{feff}{text}");
    let units = |unit: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(unit).collect::<Vec<_>>();
    for saved in [marked.clone().into_bytes(), units(u16::to_le_bytes), units(u16::to_be_bytes)] {
        let loaded = bytes(&saved);
        assert!(loaded.diagnostics.is_empty() && loaded.config.is_some(), "{:?}", loaded.diagnostics);
    }
    // Places are those that an editor shows.
    let loaded = bytes("\u{feff}[stak]\n".as_bytes());
    let found = loaded.diagnostics.iter().find(|found| found.code == "VSS0102").unwrap();
    assert_eq!(found.location.as_ref().map(|location| (location.line, location.column)), Some((1, 2)));
    assert_eq!(codes(&bytes(b"\xff\xfe[\0s")), ["VSS0108"]);
}

#[test]
fn windows_line_ends_make_no_difference() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("vss.toml")).unwrap();
    let loaded = bytes(text.replace('\n', "\r\n").as_bytes());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
}

#[test]
fn several_syntax_errors_come_in_one_run_and_hide_nothing_before_them() {
    let loaded = file("[vault.main]\ntgas = {}\nname = \n[vault.two]\nname = 'x\n");
    let found = codes(&loaded);
    assert_eq!(found[0], "VSS0102", "{:?}", loaded.diagnostics);
    assert!(found.iter().filter(|code| **code == "VSS0101").count() >= 2, "{:?}", loaded.diagnostics);
}

#[test]
fn a_megabyte_of_anything_is_refused_in_time() {
    let repeat = |one: fn(usize) -> String, count: usize| (0..count).map(one).collect::<Vec<_>>().concat();
    let hostile = [
        "[".repeat(1 << 20),
        format!("a = {}", "[".repeat(500_000)),
        "a.".repeat(500_000),
        "x\n".repeat(200_000),
        // One line, with a problem at every few bytes of it.
        format!("{STACK}vault = {{ {} }}\n", repeat(|index| format!("v{index} = 1, "), 60_000)),
        format!("{STACK}[plan.p.rule]\n{}", repeat(|index| format!("r{index} = {{ vault = 'x' }}\n"), 30_000)),
        format!("{STACK}[vault]\n{}", repeat(|index| format!("v{index} = {{}}\n"), 50_000)),
        format!("{STACK}[tags]\n{}[vault.a1]\n", repeat(|index| format!("k{index} = 'x'\n"), 60_000)),
        format!(
            "{STACK}[defaults.vault.tags]\n{}[vault]\n{}",
            repeat(|index| format!("k{index} = 'x'\n"), 40_000),
            repeat(|index| format!("v{index} = {{}}\n"), 1_900)
        ),
    ];
    for content in hostile {
        let begin = std::time::Instant::now();
        let loaded = load_text("vss.toml", &content, None);
        assert!(loaded.config.is_none());
        let few = loaded.diagnostics.iter().step_by(loaded.diagnostics.len().div_ceil(500).max(1));
        for found in few {
            let style = crate::render::diagnostics::Style::default();
            let _ = crate::render::diagnostics::render_one(found, &loaded.sources, style);
        }
        // Far above what it takes on a busy machine, far below what quadratic work would.
        assert!(begin.elapsed().as_secs() < 60, "{:?} for {}", begin.elapsed(), &content[..40]);
    }
}

#[cfg(unix)]
#[test]
fn policy_files_stay_in_the_folder_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir_all(inside.join("sub")).unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    std::fs::write(folder.path().join("outside.json"), policy).unwrap();
    std::fs::write(inside.join("sub/good.json"), policy).unwrap();
    std::fs::write(inside.join("large.json"), " ".repeat(20 * 1024 + 1)).unwrap();
    std::fs::write(inside.join("broken.json"), "{\n  \"Version\": oops\n}\n").unwrap();
    std::os::unix::fs::symlink("../outside.json", inside.join("link.json")).unwrap();
    std::os::unix::fs::symlink("..", inside.join("up")).unwrap();
    let with = |file: &str| {
        let text = format!("{STACK}[policy.p]\ndocument = {{ file = \"{file}\" }}\n");
        load_text("inside/vss.toml", &text, Some(&inside))
    };
    assert!(with("sub/good.json").diagnostics.is_empty());
    for (file, code) in [
        ("../outside.json", "VSS0502"),
        ("/etc/passwd", "VSS0502"),
        ("link.json", "VSS0502"),
        ("up/outside.json", "VSS0502"),
        ("sub", "VSS0502"),
        ("", "VSS0502"),
        ("none.json", "VSS0503"),
        ("large.json", "VSS0504"),
    ] {
        assert_eq!(codes(&with(file)), [code], "{file}");
    }
    let broken = with("broken.json");
    let location = broken.diagnostics.iter().next().and_then(|found| found.location.clone()).unwrap();
    assert!(location.file.ends_with("broken.json") && location.line == 2, "{location:?}");
}

#[test]
fn a_base_file_is_one_level_deep_and_stays_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.toml", "[vault.main]\n");
    write("deep.toml", "extends = \"good.toml\"\n");
    write("wrong.toml", "[vault.main]\ntgas = {}\n");
    let with = |base: &str| load_text("vss.toml", &format!("extends = \"{base}\"\n{STACK}"), Some(folder.path()));
    assert!(with("good.toml").config.is_some());
    for base in ["deep.toml", "none.toml", "../good.toml", "/etc/passwd"] {
        assert_eq!(codes(&with(base)), ["VSS0110"], "{base}");
    }
    let wrong = with("wrong.toml");
    let location = wrong.diagnostics.iter().next().and_then(|found| found.location.clone()).unwrap();
    assert!(location.file.ends_with("wrong.toml") && location.line == 2, "{location:?}");
}

fn mutated() -> impl Strategy<Value = String> {
    let examples: Vec<String> = ["vss.toml", "examples/complete.toml", "examples/sql-servers.toml"]
        .iter()
        .map(|name| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap())
        .collect();
    let piece = prop_oneof![
        Just("[".to_owned()),
        Just("\"".to_owned()),
        Just("= 1\n".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("[[plan]]\n".to_owned()),
        Just("[plan.x.rule]\n".to_owned()),
        Just("extends = 'x'\n".to_owned()),
        Just("99999999999999999999".to_owned()),
        "[ -~]{0,8}",
        ".{0,4}",
    ];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0usize..40, piece), 1..5);
    (prop::sample::select(examples), edits).prop_map(|(mut text, edits)| {
        for (at, length, piece) in edits {
            let start = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.floor_char_boundary((start + length).min(text.len())).max(start);
            text.replace_range(start..end, &piece);
        }
        text
    })
}

/// Loads a text and shows its problems.
fn survive(text: &str) {
    let loaded = load_text("vss.toml", text, None);
    let mut sorted = loaded.diagnostics.clone();
    sorted.sort();
    assert_eq!(sorted, loaded.diagnostics);
    assert_eq!(loaded.config.is_none(), loaded.diagnostics.has_errors());
    let style = crate::render::diagnostics::Style::default();
    let _ = crate::render::diagnostics::render(&loaded.diagnostics, &loaded.sources, style);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_text_makes_loading_panic(text in any::<String>()) {
        survive(&text);
    }

    #[test]
    fn no_bytes_make_loading_panic(content in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = super::super::read::decode(content) {
            survive(&text);
        }
    }

    #[test]
    fn no_change_to_a_good_file_makes_loading_panic(text in mutated()) {
        survive(&text);
    }
}
