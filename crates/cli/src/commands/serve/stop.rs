//! Stops the server on a signal: new requests are refused, those that are being answered may finish
//! within a bound.

use std::time::{Duration, Instant};

use intramuros_http::{Readiness, Running};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::parts::Parts;

/// Time for the last bytes once the engines are empty.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// How a stop proceeds. `requested` turns true at the signal, `overdue` when the drain is over.
/// Both channels are written by the task of [`signalled`] only.
pub(super) struct Stopping {
    requested: watch::Receiver<bool>,
    overdue: watch::Receiver<bool>,
}

impl Stopping {
    /// Completes at the signal.
    pub(super) fn requested(&self) -> impl Future<Output = ()> + Send + 'static {
        turned_true(self.requested.clone())
    }

    /// Completes when the drain is over.
    pub(super) fn overdue(&self) -> impl Future<Output = ()> + Send + 'static {
        turned_true(self.overdue.clone())
    }
}

async fn turned_true(mut receiver: watch::Receiver<bool>) {
    // The sender lives in a task that never ends before it has sent.
    let _ = receiver.wait_for(|value| *value).await;
}

/// Listens for SIGTERM and SIGINT; a second signal ends the drain at once.
pub(super) fn signalled(
    (readiness, running): (Readiness, Running),
    stop: watch::Sender<bool>,
    parts: Parts,
    drain: Duration,
) -> Stopping {
    let requested = stop.subscribe();
    let (overdue_sender, overdue) = watch::channel(false);
    tokio::spawn(async move {
        next_signal().await;
        // First of all: nothing that fails below may keep the server from stopping. Requests are
        // refused before anybody counts those that are left.
        readiness.set_stopping();
        stop.send_replace(true);
        super::watchdog::stopping();
        tracing::info!(drain_seconds = drain.as_secs(), running = running.count(), "stopping");
        tokio::select! {
            () = end(&running, &parts, drain) => {}
            () = next_signal() => tracing::warn!("second signal: stopping at once"),
        }
        overdue_sender.send_replace(true);
    });
    Stopping { requested, overdue }
}

/// Lets requests finish, then the engines; what is left at the end of `drain` is cut off.
async fn end(running: &Running, parts: &Parts, drain: Duration) {
    let deadline = Instant::now() + drain;
    // The engines take work meanwhile: an answer may need several generations.
    let finished = tokio::time::timeout(drain, running.none_left()).await.is_ok();
    if !finished {
        tracing::warn!(running = running.count(), "requests are cut off: the drain is over");
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let engines = async {
        parts.text.stop(left).await;
        parts.encoders.stop(left).await;
    };
    // A step that is being computed may outlast the drain.
    let _ = tokio::time::timeout(left + LAST_BYTES, engines).await;
    // What is left is writing the last bytes.
    tokio::time::sleep(LAST_BYTES).await;
}

async fn next_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; stop with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
