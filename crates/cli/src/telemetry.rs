//! Writes log lines to standard error; nothing is sent anywhere.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Starts logging as the settings say.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(directives(&log.level))
        .with_context(|| format!("log.level '{}' cannot be read", log.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // It would tell of a broken standard error on standard error, and panic.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let started = if json { builder.json().try_init() } else { builder.compact().try_init() };
    started.map_err(|error| anyhow::anyhow!("logging could not start: {error}"))
}

/// Libraries below us may log queries and paths of documents, so they only warn unless the
/// operator names them. pdf_oxide calls a damaged upload an error of the server's.
fn directives(level: &str) -> String {
    if level.contains('=') || level.contains(',') {
        return level.to_string();
    }
    format!(
        "warn,pdf_oxide=off,intramuros={level},{}",
        OURS.iter().map(|name| format!("intramuros_{name}={level}")).collect::<Vec<_>>().join(",")
    )
}

const OURS: &[&str] = &[
    "catalog",
    "datalife",
    "embed",
    "engine",
    "http",
    "ingest",
    "jobs",
    "knowledge",
    "ledger",
    "model",
    "notify",
    "store",
    "types",
    "upkeep",
    "usecases",
];
