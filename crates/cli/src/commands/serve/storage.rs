//! Watches the disk of the data directory and the clock, and says so when they fail.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use intramuros_http::Readiness;
use intramuros_upkeep::{ClockWatch, Jump, probe};
use time::OffsetDateTime;

/// Between two looks. Each writes a little and waits for the disk.
const INTERVAL: Duration = Duration::from_secs(10);

/// Looks until the server ends.
pub(super) async fn watch(data_dir: PathBuf, readiness: Readiness) {
    let mut clock = ClockWatch::new(OffsetDateTime::now_utc(), Instant::now());
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known = None;
    loop {
        tick.tick().await;
        if let Some(jump) = clock.look(OffsetDateTime::now_utc(), Instant::now()) {
            tell_jump(jump);
        }
        let data_dir = data_dir.clone();
        let fault = match tokio::task::spawn_blocking(move || probe(&data_dir)).await {
            Ok(outcome) => outcome.err(),
            Err(error) => {
                tracing::error!(%error, "the disk could not be looked at");
                continue;
            }
        };
        // The figures differ at each look; what kind of fault it is is told once.
        let kind = fault.as_ref().map(std::mem::discriminant);
        if kind != known {
            match &fault {
                Some(fault) => tracing::error!(%fault, "the disk of the data directory fails"),
                None => tracing::info!("the disk of the data directory takes writes again"),
            }
            known = kind;
        }
        readiness.set_disk_fault(fault.map(|fault| fault.to_string()));
    }
}

fn tell_jump(jump: Jump) {
    match jump {
        Jump::Forward(by) => tracing::warn!(
            seconds = by.as_secs(),
            "the clock was set forward, or the machine slept; keys expire by it"
        ),
        Jump::Back(by) => tracing::warn!(
            seconds = by.as_secs(),
            "the clock was set back; keys that had expired may be good again until it is right"
        ),
    }
}
