//! Does the items of a job: claims, works, retries, records.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, Stream};
use intramuros_ledger::{JobItem, JobProgress, LedgerError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{JobContext, Stop};
use crate::backoff::backoff;
use crate::kind::reason;
use crate::{ItemError, JobError};

/// What items in work have left when the attempt must stop; longer ones are put back unfinished.
const GRACE: Duration = Duration::from_secs(3);

/// How long to wait before looking again for items that are due.
const LOOK: Duration = Duration::from_secs(1);

/// How the items of a job are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemPolicy {
    /// Items in work at the same time.
    pub concurrency: u32,
    /// Attempts that an item has before it has failed.
    pub max_attempts: u32,
    /// Wait after the first attempt that failed; doubled after each.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl ItemPolicy {
    /// `concurrency` items at a time, five attempts each, 2 s to 10 min apart.
    pub fn of(concurrency: u32) -> Self {
        Self {
            concurrency,
            max_attempts: 5,
            first_wait: Duration::from_secs(2),
            longest_wait: Duration::from_secs(600),
        }
    }
}

/// An item in work.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<P> {
    /// Its place in the job, from 0.
    pub ordinal: u64,
    /// What it is called within the job.
    pub key: String,
    /// What the kind wants to know of it.
    pub payload: P,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// How an attempt at an item ended.
struct Ended<R> {
    item: JobItem,
    outcome: Result<R, ItemError>,
}

impl JobContext {
    /// Does every item of the job that is not done, and says how far the job is when none is left
    /// but those that failed. Each result is recorded once, and only by the attempt that has the
    /// job. What `work` does outside the ledger can happen again when the process dies before the
    /// result is recorded.
    ///
    /// # Errors
    /// [`JobError::Stopped`]; what `work` ended the job with; the ledger's.
    pub async fn for_each_item<P, R, F, W>(
        &self,
        policy: ItemPolicy,
        work: F,
    ) -> Result<JobProgress, JobError>
    where
        P: DeserializeOwned,
        R: Serialize,
        F: Fn(Item<P>) -> W,
        W: Future<Output = Result<R, ItemError>>,
    {
        let concurrency = policy.concurrency.max(1);
        let mut running = FuturesUnordered::new();
        loop {
            if let Some(stop) = self.stop() {
                self.wind_down(stop, policy, running).await?;
                return Err(JobError::Stopped);
            }
            let room = concurrency.saturating_sub(running.len() as u32);
            if room > 0 {
                for item in self.ledger.claim_items(&self.lease, room).await? {
                    running.push(attempt(item, &work));
                }
            }
            if running.is_empty() {
                let Some(due) = self.ledger.next_item_due(self.id()).await? else {
                    return Ok(self.ledger.get_job(self.id()).await?.progress);
                };
                let wait = Duration::try_from(due - self.ledger.now()).unwrap_or_default();
                // Due and not to be had: the lease is lost, of which the runner will tell.
                self.wait(wait.clamp(Duration::from_millis(100), LOOK)).await;
                continue;
            }
            tokio::select! {
                Some(ended) = running.next() => self.settle(policy, ended).await?,
                // Another may be due.
                () = self.wait(LOOK) => {}
            }
        }
    }

    /// Waits for `time`, or until the attempt must stop.
    async fn wait(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = self.stopped() => {}
        }
    }

    /// Lets items that are nearly done end.
    async fn wind_down<R: Serialize>(
        &self,
        stop: Stop,
        policy: ItemPolicy,
        mut running: impl Stream<Item = Ended<R>> + Unpin,
    ) -> Result<(), JobError> {
        if stop == Stop::LeaseLost {
            return Ok(());
        }
        let until = tokio::time::Instant::now() + GRACE;
        while let Ok(Some(ended)) = tokio::time::timeout_at(until, running.next()).await {
            self.settle(policy, ended).await?;
        }
        Ok(())
    }

    /// Notes what became of an item.
    async fn settle<R: Serialize>(
        &self,
        policy: ItemPolicy,
        ended: Ended<R>,
    ) -> Result<(), JobError> {
        let Ended { item, outcome } = ended;
        let (ledger, lease, ordinal) = (&self.ledger, &self.lease, item.ordinal);
        let noted = match outcome {
            Ok(result) => match serde_json::to_value(result) {
                Ok(result) => ledger.complete_item(lease, ordinal, &result).await,
                Err(error) => {
                    ledger.fail_item(lease, ordinal, &reason("result", error.to_string())).await
                }
            },
            Err(ItemError::Retry { code, text, after }) => {
                let reason = reason(code, text);
                if item.attempts >= policy.max_attempts {
                    ledger.fail_item(lease, ordinal, &reason).await
                } else {
                    let wait = after.unwrap_or_else(|| {
                        backoff(item.attempts, policy.first_wait, policy.longest_wait)
                    });
                    ledger.retry_item(lease, ordinal, Some(&reason), ledger.now() + wait).await
                }
            }
            Err(ItemError::Failed { code, text }) => {
                ledger.fail_item(lease, ordinal, &reason(code, text)).await
            }
            Err(ItemError::Later { after }) => {
                ledger.retry_item(lease, ordinal, None, ledger.now() + after).await
            }
            // The end of the attempt puts it back.
            Err(ItemError::Stopped) => return Err(JobError::Stopped),
            Err(ItemError::Job(error)) => return Err(error),
        };
        match noted {
            Err(LedgerError::Invalid { name, reason: why }) => {
                let reason = reason(name, format!("{name} {why}"));
                Ok(ledger.fail_item(lease, ordinal, &reason).await?)
            }
            noted => Ok(noted?),
        }
    }
}

/// Works on one item; a panic fails this attempt only.
async fn attempt<P, R, F, W>(item: JobItem, work: &F) -> Ended<R>
where
    P: DeserializeOwned,
    F: Fn(Item<P>) -> W,
    W: Future<Output = Result<R, ItemError>>,
{
    let payload = match serde_json::from_value(item.payload.clone()) {
        Ok(payload) => payload,
        Err(error) => {
            let outcome = Err(ItemError::failed("payload", error.to_string()));
            return Ended { item, outcome };
        }
    };
    let given =
        Item { ordinal: item.ordinal, key: item.key.clone(), payload, attempt: item.attempts };
    let outcome = AssertUnwindSafe(async { work(given).await }).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| Err(ItemError::retry("panic", message(&*panic))));
    Ended { item, outcome }
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("a panic: {}", text.unwrap_or("unknown"))
}
