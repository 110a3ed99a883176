//! Stops the server on a signal: new work is refused, running answers may finish within a bound.

use std::time::Duration;

use intramuros_http::Readiness;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::parts::Parts;

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
    readiness: Readiness,
    stop: watch::Sender<bool>,
    parts: Parts,
    drain: Duration,
) -> Stopping {
    let requested = stop.subscribe();
    let (overdue_sender, overdue) = watch::channel(false);
    tokio::spawn(async move {
        next_signal().await;
        // First of all: nothing that fails below may keep the server from stopping.
        stop.send_replace(true);
        readiness.set_stopping();
        super::watchdog::stopping();
        tracing::info!(drain_seconds = drain.as_secs(), "stopping");
        let engines = async {
            parts.text.stop(drain).await;
            parts.encoders.stop(drain).await;
        };
        tokio::select! {
            // Once the engines are empty, what is left is writing the last bytes.
            () = engines => tokio::time::sleep(Duration::from_secs(5)).await,
            () = tokio::time::sleep(drain + Duration::from_secs(5)) => {}
            () = next_signal() => tracing::warn!("second signal: stopping at once"),
        }
        overdue_sender.send_replace(true);
    });
    Stopping { requested, overdue }
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
