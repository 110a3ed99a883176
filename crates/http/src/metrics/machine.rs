//! Writes the figures of the process, of its HTTP side and of its readiness.

use std::fmt;

use super::page::Page;
use super::sample::Sample;
use crate::readiness::{Outcome, Standing, standing};

pub(super) fn write(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    page.gauges("intramuros_build_info", "The version that runs", [(version, 1.0)])?;
    write_readiness(sample, page)?;
    page.gauge(
        "intramuros_http_requests_in_flight",
        "Requests that are being answered",
        sample.running as f64,
    )?;
    page.gauge("intramuros_http_connections", "Open connections", sample.connections as f64)?;
    page.gauge(
        "intramuros_http_connections_limit",
        "The most open connections (server.max_connections)",
        sample.connections_limit as f64,
    )?;
    page.counter(
        "intramuros_http_connections_refused",
        "Connections beyond server.max_connections_per_address",
        sample.refused_connections as f64,
    )?;
    write_process(sample, page)
}

fn write_readiness(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let is_ready = standing(&sample.checks).0 != Standing::Unavailable;
    let ready = f64::from(u8::from(is_ready));
    page.gauge("intramuros_ready", "Whether the server takes work", ready)?;
    let checks = sample.checks.iter().map(|check| {
        let value = match check.outcome {
            Outcome::Fine => 1.0,
            Outcome::Warning(_) => 0.5,
            Outcome::Failed(_) => 0.0,
        };
        (vec![("check", check.name.to_owned())], value)
    });
    page.gauges(
        "intramuros_readiness_check",
        "What the work depends on: 1 is well, 0.5 a warning, 0 failed",
        checks,
    )
}

/// Under the names that client libraries of Prometheus have for them.
fn write_process(sample: &Sample, page: &mut Page<'_>) -> fmt::Result {
    let process = &sample.process;
    page.counter("process_cpu_seconds", "Processor time", process.cpu_seconds)?;
    page.gauge(
        "process_start_time_seconds",
        "When the process started, since the Unix epoch",
        process.start_seconds,
    )?;
    let gauges = [
        ("process_resident_memory_bytes", "Memory in use", process.resident_bytes),
        ("process_virtual_memory_bytes", "Memory that is mapped", process.virtual_bytes),
        ("process_open_fds", "Open files and connections", process.open_files as u64),
        ("process_max_fds", "The most open files and connections", process.max_files),
        ("process_threads", "Threads", process.threads),
    ];
    gauges.into_iter().try_for_each(|(name, help, value)| page.gauge(name, help, value as f64))
}
