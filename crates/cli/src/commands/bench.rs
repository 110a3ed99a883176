//! `intramuros bench`: measures a running server with the workloads of `tests/workloads`.
//!
//! It speaks nothing but OpenAI's API, so the same command measures other servers too; what only
//! ours tells (`GET /api/v1/status`) is left out where it is missing. One workload is one module
//! with one function `measure`; a run of it is a [`sample::Sample`], figures by name.

mod aggregate;
mod chat;
mod decode;
mod extraction;
mod gap;
mod memory;
mod metric;
mod prefill;
mod prompts;
mod report;
mod sample;
mod shared_prefix;
mod sse;
mod stats;
mod target;
mod workload;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};

use self::prompts::Prompts;
use self::report::{Outcome, Report};
use self::target::{Target, is_context_error};
use self::workload::Case;
use crate::args::{Bench, Common};
use crate::language::tr;
use crate::output;

/// What shells expect of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// The report so far. The measuring thread adds to it, the one that waits for Ctrl-C prints it.
type Shared = Arc<Mutex<Report>>;

pub(crate) fn run(common: &Common, command: &Bench) -> anyhow::Result<ExitCode> {
    let cases = workload::choose(&command.only)?;
    if command.runs == 0 {
        bail!(tr("--runs vaut 0 ; il faut au moins 1", "--runs is 0; it must be at least 1"));
    }
    let target = Target::new(common, command.model.as_deref())?;
    let seed = command.seed.unwrap_or_else(from_the_clock);
    let memory = command.pid.map(memory::read).transpose()?;
    let mut report = Report::new(&target, seed, &cases);
    report.memory_before = memory;
    let report: Shared = Arc::new(Mutex::new(report));
    print_on_interrupt(Arc::clone(&report), common.json)?;

    let prompts = Prompts::calibrated(&target, seed).context(tr(
        "le serveur n'a pas répondu à la première demande",
        "the server did not answer the first request",
    ))?;
    for run in 0..command.runs {
        for (index, case) in cases.iter().enumerate() {
            if !common.json {
                output::note(format!("{} {}/{}…", case.name, run + 1, command.runs));
            }
            let outcome = measure(case, &target, &prompts, run, command.runs);
            lock(&report).add(index, outcome);
        }
    }
    let mut report = lock(&report);
    report.memory_after = command.pid.map(memory::read).transpose()?;
    report.memory_told = target.memory();
    report.print(common.json);
    Ok(if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One run of a case: its figures, or why there are none.
fn measure(case: &Case, target: &Target, prompts: &Prompts, run: usize, runs: usize) -> Outcome {
    let needed = case.workload.needed_tokens();
    if let Some(context) = target.context_tokens.filter(|context| *context < needed) {
        return Outcome::Skipped(tr(
            format!("il faut un contexte de {needed} tokens, celui du serveur en a {context}"),
            format!("needs a context of {needed} tokens, the server's has {context}"),
        ));
    }
    let before = target.counters();
    // Runs of a case and cases of a run begin differently, so that none profits from another.
    let seed = prompts.seed_of(&case.name, run as u64);
    match case.workload.measure(target, prompts, seed) {
        Ok(mut sample) => {
            if let (Some(before), Some(after)) = (before, target.counters()) {
                sample.add_counters(&before, &after);
            }
            Outcome::Measured(sample)
        }
        Err(error) if is_context_error(&error) => Outcome::Skipped(format!("{error:#}")),
        Err(error) => {
            let (name, run) = (&case.name, run + 1);
            Outcome::Failed(format!("{name} ({run}/{runs}): {error:#}"))
        }
    }
}

/// Prints what was measured so far when Ctrl-C is pressed, and ends the process; its connections
/// close with it, which tells the server to stop working for them.
fn print_on_interrupt(report: Shared, as_json: bool) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(tr("le moteur asynchrone n'a pas démarré", "the async runtime could not start"))?;
    std::thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
            return;
        }
        output::note(tr("interrompu", "interrupted"));
        lock(&report).print(as_json);
        std::process::exit(INTERRUPTED);
    });
    Ok(())
}

fn lock(report: &Shared) -> std::sync::MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}

fn from_the_clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The lower half, so that it is read back exactly from JSON everywhere.
    u64::from(now.subsec_nanos()) ^ (now.as_secs() & 0xFFFF_FFFF)
}
