//! Holds the parts together and runs them.

use std::sync::Arc;
use std::time::Duration;

use intramuros_ledger::Ledger;
use time::OffsetDateTime;
use tokio::sync::watch;
use url::Url;

use crate::client::{TOTAL_TIMEOUT, WebhookClient};
use crate::egress::Egress;
use crate::error::NotifyError;
use crate::mail::{Mailer, SmtpConfig};
use crate::schedule::Schedule;
use crate::webhook::{Deliverer, system_clock};

/// How often the ledger is looked at for what another process put there.
const LOOK: Duration = Duration::from_secs(2);
/// Shortest rest, so that what cannot be claimed yet is no busy loop.
const BREATH: Duration = Duration::from_millis(50);
/// Wait after a failure of the ledger.
const PAUSE: Duration = Duration::from_secs(5);

/// Where "now" comes from; tests have their own.
pub(crate) type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// What of the settings concerns webhooks and e-mails.
#[derive(Debug, Clone)]
pub struct NotifyConfig {
    /// When failed attempts are made again, for both.
    pub schedule: Schedule,
    /// The SMTP server, if there is one.
    pub smtp: Option<SmtpConfig>,
}

/// Webhooks and e-mails. Cheap to clone.
#[derive(Clone)]
pub struct Notifier {
    ledger: Ledger,
    egress: Egress,
    deliverer: Deliverer,
    mailer: Mailer,
    clock: Clock,
}

impl Notifier {
    /// Checks the configuration; connects to nothing.
    ///
    /// # Errors
    /// `Egress` when the SMTP server is not allowed; `Invalid` for a wrong sender or recipient.
    pub fn new(ledger: Ledger, egress: Egress, config: NotifyConfig) -> Result<Self, NotifyError> {
        Self::with_clock(ledger, egress, config, system_clock())
    }

    pub(crate) fn with_clock(
        ledger: Ledger,
        egress: Egress,
        config: NotifyConfig,
        clock: Clock,
    ) -> Result<Self, NotifyError> {
        let NotifyConfig { schedule, smtp } = config;
        let client = WebhookClient::new(egress.clone(), TOTAL_TIMEOUT);
        let deliverer = Deliverer::new(ledger.clone(), client, schedule.clone(), clock.clone());
        let mailer = Mailer::new(ledger.clone(), &egress, smtp.as_ref(), schedule, clock.clone())?;
        Ok(Self { ledger, egress, deliverer, mailer, clock })
    }

    /// Agrees to a webhook's address and returns it in its canonical form.
    ///
    /// # Errors
    /// `Egress`, with the reason.
    pub fn permit_url(&self, url: &str) -> Result<Url, NotifyError> {
        Ok(self.egress.permit_url(url)?)
    }

    /// What queues and sends e-mails.
    pub fn mailer(&self) -> &Mailer {
        &self.mailer
    }

    /// What delivers events.
    pub fn deliverer(&self) -> &Deliverer {
        &self.deliverer
    }

    /// Sends what the outbox holds until `stop` turns true. Only one process may do so for a ledger:
    /// it begins with what an earlier run had claimed.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        if let Err(error) = self.ledger.release_claims().await {
            tracing::error!(%error, "what a crash left is sent a minute later");
        }
        tokio::join!(self.deliver(stop.clone()), self.send_mails(stop));
    }

    async fn deliver(&self, mut stop: watch::Receiver<bool>) {
        let mut outbox = self.ledger.outbox();
        while !*stop.borrow() {
            outbox.mark_unchanged();
            let next = self.deliverer.deliver_due(&mut stop).await;
            self.rest(next, &mut outbox, &mut stop).await;
        }
    }

    async fn send_mails(&self, mut stop: watch::Receiver<bool>) {
        let mut outbox = self.ledger.outbox();
        while !*stop.borrow() {
            outbox.mark_unchanged();
            let next = self.mailer.send_due(&mut stop).await;
            self.rest(next, &mut outbox, &mut stop).await;
        }
    }

    /// Waits until there may be something to do.
    async fn rest(
        &self,
        next: Result<Option<OffsetDateTime>, NotifyError>,
        outbox: &mut watch::Receiver<u64>,
        stop: &mut watch::Receiver<bool>,
    ) {
        if *stop.borrow() {
            return;
        }
        let wait = match next {
            Ok(Some(at)) => {
                let due = at - (self.clock)();
                Duration::try_from(due).unwrap_or_default().clamp(BREATH, LOOK)
            }
            Ok(None) => LOOK,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read; trying again");
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    _ = stop.changed() => {}
                }
                return;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = outbox.changed() => {}
            _ = stop.changed() => {}
        }
    }
}
