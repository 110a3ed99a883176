//! `intramuros eval`: how good search is, on questions whose answers are known.

mod measure;
mod report;
mod retrieval;
mod set;

use std::process::ExitCode;

use crate::args::{Common, Eval};

pub(crate) fn run(common: &Common, command: &Eval) -> anyhow::Result<ExitCode> {
    match command {
        Eval::Retrieval(options) => retrieval::run(common, options),
    }
}
