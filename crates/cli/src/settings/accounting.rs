//! Checks `[audit]`, `[limits]`, `[sessions]` and `[usage]`.

use anyhow::{Context as _, bail};
use intramuros_ledger::{Sealer, Tariff};
use intramuros_types::Limits;
use serde::Deserialize;

use super::Settings;
use crate::language::tr;

/// `[audit]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    pub(crate) level: AuditLevel,
    /// Seals contents; empty: none are kept.
    pub(crate) public_key: String,
    /// Whether nothing is answered either while the trail cannot be written.
    pub(crate) strict: bool,
    /// 0: for ever.
    pub(crate) days: u32,
    /// 0: as long as the entries.
    pub(crate) content_days: u32,
}

/// `audit.level`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuditLevel {
    /// Nothing is kept.
    None,
    /// Who did what.
    Metadata,
    /// Questions and answers too, sealed.
    Content,
}

impl Audit {
    /// Whether there is a trail.
    pub(crate) fn is_kept(&self) -> bool {
        self.level != AuditLevel::None
    }
}

/// `[limits]`: of keys and users that have none of their own; 0 for none.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DefaultLimits {
    pub(crate) requests_per_minute: u32,
    pub(crate) tokens_per_minute: u32,
    pub(crate) concurrent_requests: u32,
    pub(crate) monthly_tokens: u64,
}

impl From<DefaultLimits> for Limits {
    fn from(limits: DefaultLimits) -> Self {
        let some = |limit: u32| (limit > 0).then_some(limit);
        Self {
            requests_per_minute: some(limits.requests_per_minute),
            tokens_per_minute: some(limits.tokens_per_minute),
            concurrent_requests: some(limits.concurrent_requests),
            monthly_tokens: (limits.monthly_tokens > 0).then_some(limits.monthly_tokens),
        }
    }
}

/// `[sessions]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sessions {
    pub(crate) idle_minutes: u32,
    pub(crate) days: u32,
}

/// `[usage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) currency: String,
    pub(crate) input_per_million: f64,
    pub(crate) output_per_million: f64,
    pub(crate) compute_hour: f64,
    pub(crate) outside: Vec<Tariff>,
    /// 0: for ever.
    pub(crate) days: u32,
}

impl Prices {
    /// What it costs here.
    pub(crate) fn own(&self) -> Tariff {
        Tariff {
            name: String::new(),
            input_per_million: self.input_per_million,
            cached_input_per_million: None,
            output_per_million: self.output_per_million,
            compute_hour: self.compute_hour,
        }
    }
}

pub(super) fn check(settings: &Settings) -> anyhow::Result<()> {
    let audit = &settings.audit;
    if audit.level == AuditLevel::Content {
        Sealer::new(&audit.public_key).context(tr(
            "audit.level vaut « content », ce qui demande la clé publique audit.public_key ; \
             « intramuros audit keygen » en tire une",
            "audit.level is 'content', which needs the public key audit.public_key; 'intramuros \
             audit keygen' draws one",
        ))?;
    }
    if settings.sessions.idle_minutes == 0 || settings.sessions.days == 0 {
        bail!(tr(
            "sessions.idle_minutes et sessions.days doivent valoir au moins 1",
            "sessions.idle_minutes and sessions.days must be at least 1",
        ));
    }
    let prices = &settings.usage;
    if !prices.own().is_sound() || !prices.outside.iter().all(Tariff::is_sound) {
        bail!(tr(
            "usage : un prix est négatif ou n'est pas un nombre",
            "usage: a price is negative or no number",
        ));
    }
    let mut names: Vec<&str> = prices.outside.iter().map(|tariff| tariff.name.trim()).collect();
    names.sort_unstable();
    if names.first().is_some_and(|name| name.is_empty())
        || names.windows(2).any(|pair| pair[0] == pair[1])
    {
        bail!(tr(
            "usage.outside : chaque tarif a besoin d'un nom à lui",
            "usage.outside: each tariff needs a name of its own",
        ));
    }
    Ok(())
}
