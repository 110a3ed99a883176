//! Runs what the server does beside answering: jobs, folders, webhooks, reminders.

use std::time::Duration;

use anyhow::Context as _;
use intramuros_http::Readiness;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::parts::{self, Parts};
use super::storage;
use crate::settings::Settings;

/// The tasks beside the answers. Those that must end well are told by the stop and waited for; the
/// others hold nothing that matters.
pub(super) struct Background {
    ending: Vec<(&'static str, JoinHandle<()>)>,
    expendable: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts all of them; they end when `stop` turns true.
    pub(super) fn start(
        settings: &Settings,
        parts: &Parts,
        readiness: &Readiness,
        stop: &watch::Receiver<bool>,
    ) -> Self {
        let jobs = tokio::spawn(parts::runner(settings, parts).run(stop.clone()));
        let folders = tokio::spawn(watch_folders(settings, parts, stop.clone()));
        let (notify, told) = (parts.notify.clone(), stop.clone());
        let notifier = tokio::spawn(async move { notify.run(told).await });
        let storage = storage::watch(settings.data_dir.clone(), readiness.clone());
        Self {
            ending: vec![
                ("the jobs", jobs),
                ("the watch over folders", folders),
                ("webhooks and e-mail", notifier),
            ],
            expendable: vec![
                tokio::spawn(storage),
                tokio::spawn(recover(parts.clone())),
                tokio::spawn(parts.text.clone().run_keep_alive()),
                tokio::spawn(parts.triage.clone().run_reminders()),
            ],
        }
    }

    /// Waits until all of them have ended.
    ///
    /// # Errors
    /// When one of them panicked.
    pub(super) async fn ended(self) -> anyhow::Result<()> {
        self.expendable.iter().for_each(JoinHandle::abort);
        for (what, task) in self.ending {
            task.await.with_context(|| format!("{what} failed"))?;
        }
        Ok(())
    }
}

/// Jobs wait for it; without any, what a crash interrupted is finished all the same.
async fn recover(parts: Parts) {
    if let Err(error) = parts.knowledge.recovered().await {
        tracing::error!(%error, "what was interrupted is not finished; jobs try again");
    }
}

fn watch_folders(
    settings: &Settings,
    parts: &Parts,
    stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let (knowledge, settings) = (parts.knowledge.clone(), settings.knowledge.clone());
    async move {
        let interval = Duration::from_secs(settings.folder_interval_seconds);
        let folders = settings.folders.into_iter().map(parts::folder).collect();
        knowledge.run_folders(folders, interval, stop).await;
    }
}
