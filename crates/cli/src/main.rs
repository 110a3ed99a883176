//! Runs `intramuros`: reads the command line, then calls one module a subcommand.
//!
//! `serve`, `models`, `keys`, `users`, `groups`, `usage`, `audit`, `backup`, `restore` and `doctor`
//! work on this machine's files; `ask`, `search`, `kb`, `jobs`, `reviews`, `triage`, `assistant`,
//! `conversation`, `pilot`, `erase`, `export`, `retention`, `webhooks`, `mail`, `bench` and `eval`
//! talk to a running server over HTTP, like any other client.

mod args;
mod client;
mod commands;
mod data_dir;
mod help;
mod language;
mod ledger;
mod machine;
mod output;
mod outside;
mod reading;
mod settings;
mod telemetry;

use std::process::ExitCode;

use clap::FromArgMatches as _;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    // Before anything that starts a thread or writes: this process gives up its rights.
    if std::env::args_os().nth(1).is_some_and(|first| first == commands::read_document::NAME) {
        return commands::read_document::run();
    }
    let args = match Args::from_arg_matches(&help::command().get_matches()) {
        Ok(args) => args,
        Err(error) => error.exit(),
    };
    let json = args.common.json;
    if json {
        language::speak_to_programs();
    }
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            output::error(json, &error);
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let common = args.common;
    match args.command {
        Command::Serve(command) => commands::serve::run(&common, &command),
        Command::Ask(command) => commands::ask::run(&common, &command),
        Command::Search(command) => commands::search::run(&common, &command),
        Command::Kb(command) => commands::kb::run(&common, &command),
        Command::Jobs(command) => commands::jobs::run(&common, &command),
        Command::Reviews(command) => commands::reviews::run(&common, &command),
        Command::Triage(command) => commands::triage::run(&common, &command),
        Command::Assistant(command) => commands::assistant::run(&common, &command),
        Command::Conversation(command) => commands::conversation::run(&common, &command),
        Command::Pilot(command) => commands::pilot::run(&common, &command),
        Command::Models(command) => commands::models::run(&common, &command),
        Command::Keys(command) => commands::keys::run(&common, &command),
        Command::Users(command) => commands::users::run(&common, &command),
        Command::Groups(command) => commands::groups::run(&common, &command),
        Command::Usage(command) => commands::usage::run(&common, &command),
        Command::Audit(command) => commands::audit::run(&common, &command),
        Command::Erase(command) => commands::erase::run(&common, &command),
        Command::Export(command) => commands::export::run(&common, &command),
        Command::Retention(command) => commands::retention::run(&common, &command),
        Command::Webhooks(command) => commands::webhooks::run(&common, &command),
        Command::Mail(command) => commands::mail::run(&common, &command),
        Command::Bench(command) => commands::bench::run(&common, &command),
        Command::Eval(command) => commands::eval::run(&common, &command),
        Command::Backup(command) => commands::backup::run(&common, &command),
        Command::Restore(command) => commands::backup::put_back(&common, &command),
        Command::Doctor => commands::doctor::run(&common),
        // Answered before the command line is read, unless options stand before it.
        Command::ReadDocument => Ok(commands::read_document::run()),
    }
}
