//! Puts the help texts into French; the English ones are the comments in `args`.

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::args::Args;
use crate::language::{self, Language};

mod french;

/// The command line with its help in the language of this process.
pub(crate) fn command() -> Command {
    match language::current() {
        Language::French => in_french(),
        Language::English => Args::command(),
    }
}

fn in_french() -> Command {
    translate(Args::command(), "").after_help(french::TEACH)
}

/// Translates `command`, whose words after the program's name are `path`, and all below it.
fn translate(command: Command, path: &str) -> Command {
    let command = command
        .about(french::text(path))
        .help_template(
            "{before-help}{about-with-newline}\nUtilisation : {usage}\n\n{all-args}{after-help}",
        )
        .subcommand_help_heading("Commandes")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .mut_args(|arg| {
            let text = french::text(&format!("{path} {}", name(&arg)));
            arg.help(text)
        })
        .arg(flag("help", 'h', ArgAction::Help, "Affiche cette aide"));
    let command = match path {
        "" => command.arg(flag("version", 'V', ArgAction::Version, "Affiche la version")),
        _ => command,
    };
    let path = path.to_string();
    command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        translate(sub, &path)
    })
}

fn flag(name: &'static str, short: char, action: ArgAction, help: &'static str) -> Arg {
    Arg::new(name).short(short).long(name).action(action).help(help)
}

/// `--option` or the name of a positional argument.
fn name(arg: &Arg) -> String {
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_id().to_string(),
    }
}

#[cfg(test)]
mod tests;
