//! What all commands have in common. That each command line which people read works is in `tests/it/command_lines.rs`.

use super::arguments::command;

#[test]
fn every_command_takes_no_input() {
    fn each(command: &clap::Command, way: &[String], found: &mut Vec<Vec<String>>) {
        for below in command.get_subcommands() {
            let way = [way, &[below.get_name().to_owned()]].concat();
            found.push(way.clone());
            each(below, &way, found);
        }
    }
    let mut ways = Vec::new();
    each(&command(), &["vssctl".to_owned()], &mut ways);
    assert!(ways.len() > 15);
    for way in ways {
        let line = [way.as_slice(), &["--no-input".to_owned()]].concat();
        let refused = command().try_get_matches_from(&line).err().map(|error| error.kind());
        assert_ne!(refused, Some(clap::error::ErrorKind::UnknownArgument), "{line:?}");
    }
}
