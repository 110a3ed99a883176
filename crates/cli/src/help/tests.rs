use std::collections::BTreeSet;

use clap::{Command, CommandFactory as _};

use super::{french, in_french, name};
use crate::args::Args;

fn collect(command: &Command, path: &str, found: &mut BTreeSet<String>) {
    found.insert(path.trim().to_string());
    for arg in command.get_arguments() {
        found.insert(format!("{path} {}", name(arg)).trim().to_string());
    }
    for sub in command.get_subcommands() {
        collect(sub, &format!("{path} {}", sub.get_name()), found);
    }
}

#[test]
fn every_command_and_argument_has_a_french_text_and_no_text_is_left_over() {
    let mut declared = BTreeSet::new();
    collect(&Args::command(), "", &mut declared);
    let translated: BTreeSet<String> = french::paths().into_iter().map(str::to_string).collect();
    assert_eq!(declared, translated);
}

#[test]
fn the_french_command_line_parses_like_the_english_one() {
    in_french().debug_assert();
    let line = ["intramuros", "kb", "add", "docs", "a", "b", "--json", "--url", "http://x"];
    let matches = in_french().try_get_matches_from(line).unwrap();
    let (name, kb) = matches.subcommand().unwrap();
    assert_eq!((name, kb.subcommand_name()), ("kb", Some("add")));
    assert!(matches.get_flag("json"));
}

#[test]
fn french_help_speaks_french() {
    let help = in_french().render_long_help().to_string();
    for expected in ["Utilisation :", "Commandes:", "Pose une question", "Affiche cette aide"] {
        assert!(help.contains(expected), "{expected} is missing in:\n{help}");
    }
    let mut command = in_french();
    command.build();
    let ask = command.find_subcommand_mut("ask").unwrap().render_help().to_string();
    assert!(ask.contains("Nombre de passages") && ask.contains("Clé d'API"), "{ask}");
}
