//! Bounds how much each account does: requests and tokens a minute, requests at the same time,
//! tokens a month.
//!
//! Rates are buckets that hold a minute's worth and fill steadily. What a request takes in tokens is
//! known when it ends, so it is taken then, and may leave a debt: the next request waits until that
//! is paid. Over time no more passes than the limit says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use intramuros_types::Limits;
use time::{Date, OffsetDateTime};

/// Accounts that are remembered; beyond these the ones at rest are forgotten.
const MAX_ACCOUNTS: usize = 10_000;
/// The share of the month's budget at which somebody is told.
const WARNING: f64 = 0.8;

/// Why a request may not begin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refusal {
    /// Too many requests or tokens in the last minute.
    Rate { what: &'static str, limit: u32, retry_after: Duration },
    /// Too many at the same time.
    Concurrency { limit: u32 },
    /// The month's tokens are used up.
    Budget { limit: u64, retry_after: Duration },
}

/// What a caller is told of its limits.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Standing {
    /// Limit, what is left, and when it is whole again.
    pub(crate) requests: Option<(u32, u32, Duration)>,
    /// Limit, what is left, and when it is whole again.
    pub(crate) tokens: Option<(u32, u32, Duration)>,
    /// Limit and what is left of the month.
    pub(crate) month: Option<(u64, u64)>,
}

/// What happened to the month's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// Four fifths are used.
    Warning { used: u64, limit: u64 },
    /// All is used.
    Exceeded { used: u64, limit: u64 },
}

/// The accounts of this run of the program. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limiter {
    /// Locked for a few comparisons at a time, by the requests as they begin and end.
    accounts: Arc<Mutex<HashMap<String, Account>>>,
}

#[derive(Debug)]
struct Account {
    requests: Bucket,
    tokens: Bucket,
    running: u32,
    /// The first day of the month, and the tokens used since.
    month: (Date, u64),
}

/// A rate: `level` at the moment `at`.
#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Instant,
}

/// A request that runs; dropping it lets the next one begin.
#[derive(Debug)]
pub(crate) struct Running {
    limiter: Limiter,
    account: String,
}

/// The moment of a decision, in both of the clocks that count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) date: OffsetDateTime,
}

impl Now {
    pub(crate) fn of(date: OffsetDateTime) -> Self {
        Self { instant: Instant::now(), date }
    }

    fn month(self) -> Date {
        let today = self.date.date();
        today.replace_day(1).unwrap_or(today)
    }

    fn until_next_month(self) -> Duration {
        let next = self.month() + time::Duration::days(32);
        let next = next.replace_day(1).unwrap_or(next).midnight().assume_utc();
        (next - self.date).try_into().unwrap_or(Duration::ZERO)
    }
}

impl Limiter {
    /// Whether the tokens of `account` in this month have to be told by
    /// [`remember`](Self::remember) first.
    pub(crate) fn is_unknown(&self, account: &str, now: Now) -> bool {
        self.lock().get(account).is_none_or(|known| known.month.0 != now.month())
    }

    /// Tells what `account` used in this month before.
    pub(crate) fn remember(&self, account: &str, limits: &Limits, used: u64, now: Now) {
        let mut accounts = self.lock();
        if accounts.len() >= MAX_ACCOUNTS {
            accounts.retain(|_, account| account.running > 0 || account.tokens.level < 0.0);
        }
        let known = accounts.entry(account.to_owned()).or_insert_with(|| Account {
            requests: Bucket::full(limits.requests_per_minute, now.instant),
            tokens: Bucket::full(limits.tokens_per_minute, now.instant),
            running: 0,
            month: (now.month(), used),
        });
        if known.month.0 != now.month() {
            known.month = (now.month(), used);
        }
    }

    /// Lets a request begin, or says why not. Counts it if it may. One that takes no
    /// tokens is not held up for want of them: who has used up the month's can still read why.
    pub(crate) fn begin(
        &self,
        account: &str,
        (limits, takes_tokens): (&Limits, bool),
        now: Now,
    ) -> (Result<Running, Refusal>, Standing) {
        let mut accounts = self.lock();
        let Some(known) = accounts.get_mut(account) else {
            // Forgotten just now; it begins anew with the next request.
            let account = account.to_owned();
            return (Ok(Running { limiter: self.clone(), account }), Standing::default());
        };
        let refusal = known.refusal(limits, takes_tokens, now);
        if refusal.is_none() {
            if let Some(limit) = limits.requests_per_minute {
                known.requests.take(1.0, limit, now.instant);
            }
            known.running += 1;
        }
        let standing = known.standing(limits, now);
        let running = || Running { limiter: self.clone(), account: account.to_owned() };
        (refusal.map_or_else(|| Ok(running()), Err), standing)
    }

    /// Counts the tokens of a request that ends; tells the borders of the budget that it crosses.
    pub(crate) fn consume(
        &self,
        account: &str,
        limits: &Limits,
        tokens: u64,
        now: Now,
    ) -> Vec<Budget> {
        let mut accounts = self.lock();
        let Some(known) = accounts.get_mut(account) else { return Vec::new() };
        if let Some(limit) = limits.tokens_per_minute {
            known.tokens.take(tokens as f64, limit, now.instant);
        }
        let before = known.month.1;
        known.month.1 = before.saturating_add(tokens);
        let Some(limit) = limits.monthly_tokens else { return Vec::new() };
        let used = known.month.1;
        let warning = (limit as f64 * WARNING).ceil() as u64;
        let borders =
            [(warning, Budget::Warning { used, limit }), (limit, Budget::Exceeded { used, limit })];
        let crossed = borders.into_iter().filter(|(border, _)| before < *border && used >= *border);
        crossed.map(|(_, budget)| budget).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn refusal(&mut self, limits: &Limits, takes_tokens: bool, now: Now) -> Option<Refusal> {
        if let Some(limit) = limits.monthly_tokens.filter(|_| takes_tokens)
            && self.month.1 >= limit
        {
            return Some(Refusal::Budget { limit, retry_after: now.until_next_month() });
        }
        if let Some(limit) = limits.concurrent_requests
            && self.running >= limit
        {
            return Some(Refusal::Concurrency { limit });
        }
        for (what, limit, bucket) in [
            ("requests", limits.requests_per_minute, &mut self.requests),
            ("tokens", limits.tokens_per_minute.filter(|_| takes_tokens), &mut self.tokens),
        ] {
            let Some(limit) = limit else { continue };
            // One token is enough to begin: how many it takes shows at the end.
            if let Some(retry_after) = bucket.wait_for(1.0, limit, now.instant) {
                return Some(Refusal::Rate { what, limit, retry_after });
            }
        }
        None
    }

    fn standing(&mut self, limits: &Limits, now: Now) -> Standing {
        let told = |bucket: &mut Bucket, limit: u32| {
            bucket.fill(limit, now.instant);
            let left = bucket.level.max(0.0).floor() as u32;
            let missing = f64::from(limit) - bucket.level;
            (limit, left, seconds(missing * 60.0 / f64::from(limit)))
        };
        Standing {
            requests: limits.requests_per_minute.map(|limit| told(&mut self.requests, limit)),
            tokens: limits.tokens_per_minute.map(|limit| told(&mut self.tokens, limit)),
            month: limits.monthly_tokens.map(|limit| (limit, limit.saturating_sub(self.month.1))),
        }
    }
}

impl Bucket {
    fn full(limit: Option<u32>, at: Instant) -> Self {
        Self { level: f64::from(limit.unwrap_or(0)), at }
    }

    fn fill(&mut self, limit: u32, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let limit = f64::from(limit);
        self.level = (self.level + passed * limit / 60.0).min(limit);
        self.at = self.at.max(now);
    }

    fn take(&mut self, amount: f64, limit: u32, now: Instant) {
        self.fill(limit, now);
        self.level -= amount;
    }

    /// How long until there is `amount`; `None` when there is.
    fn wait_for(&mut self, amount: f64, limit: u32, now: Instant) -> Option<Duration> {
        self.fill(limit, now);
        let missing = amount - self.level;
        // Sums of fractions miss a whole number by a hair.
        (missing > 1e-6).then(|| seconds(missing * 60.0 / f64::from(limit)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(account) = self.limiter.lock().get_mut(&self.account) {
            account.running = account.running.saturating_sub(1);
        }
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
