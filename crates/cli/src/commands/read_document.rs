//! `intramuros read-document`: what the server starts for each file, with few rights.

use std::process::ExitCode;

use intramuros_ingest::worker;

/// The subcommand.
pub(crate) const NAME: &str = "read-document";

/// Reads one request from standard input and answers on standard output.
pub(crate) fn run() -> ExitCode {
    worker::serve(std::io::stdin().lock(), std::io::stdout().lock())
}
