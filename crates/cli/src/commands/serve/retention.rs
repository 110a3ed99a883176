//! Removes what is older than the settings keep it.

use std::time::Duration;

use intramuros_ledger::{Ledger, LedgerError};
use tokio::sync::watch;

use crate::settings::Settings;

/// Time between two looks; what is kept is counted in days.
const INTERVAL: Duration = Duration::from_secs(3600);
const ACTOR: &str = "server:retention";

/// How many days are kept of what; 0 for ever.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    audit: u32,
    contents: u32,
    usage: u32,
}

impl Kept {
    pub(super) fn of(settings: &Settings) -> Self {
        let audit = &settings.audit;
        Self { audit: audit.days, contents: audit.content_days, usage: settings.usage.days }
    }
}

/// Removes what is too old, until `stop` turns true.
pub(super) async fn run(ledger: Ledger, kept: Kept, mut stop: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = stop.changed() => return,
        }
        if let Err(error) = remove(&ledger, kept).await {
            tracing::error!(%error, "what is too old could not be removed");
        }
    }
}

async fn remove(ledger: &Ledger, kept: Kept) -> Result<(), LedgerError> {
    let before = |days: u32| {
        let days = time::Duration::days(i64::from(days));
        ledger.now().checked_sub(days).filter(|_| days.is_positive())
    };
    let mut removed = [0; 3];
    if let Some(before) = before(kept.contents) {
        removed[0] = ledger.erase_audit_contents(before).await?;
    }
    if let Some(before) = before(kept.audit) {
        removed[1] = ledger.prune_audit(before, ACTOR).await?;
    }
    if let Some(before) = before(kept.usage) {
        removed[2] = ledger.forget_usage_before(before.date()).await?;
    }
    if removed != [0; 3] {
        let [contents, entries, days] = removed;
        tracing::info!(contents, entries, days, "what was too old was removed");
    }
    Ok(())
}
