//! Tells systemd how the server fares; without systemd every call is silent.

use std::time::Duration;

use sd_notify::NotifyState;

use super::parts::Parts;

/// The server takes work.
pub(super) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The server drains.
pub(super) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Pings systemd's watchdog for as long as the engines are healthy; a server whose model thread
/// is gone stops pinging and is restarted.
pub(super) async fn run(parts: Parts) {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let mut tick = tokio::time::interval((period / 2).max(Duration::from_millis(100)));
    loop {
        tick.tick().await;
        if parts.text.healthy() && parts.encoders.healthy() {
            notify(&[NotifyState::Watchdog]);
        }
    }
}

fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not notified");
    }
}
