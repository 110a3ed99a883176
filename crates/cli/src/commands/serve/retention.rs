//! Gathers how long what is kept from the settings that say so.

use std::time::Duration;

use intramuros_datalife::{DocumentRule, RetentionConfig};
use intramuros_jobs::Cron;

use crate::settings::{RetentionFrom, Settings};

/// What the retention job keeps.
pub(super) fn config(settings: &Settings) -> anyhow::Result<RetentionConfig> {
    let retention = &settings.retention;
    let rules = retention.documents.iter().map(|rule| DocumentRule {
        knowledge_base: rule.knowledge_base.clone(),
        label: rule.label.clone(),
        source: rule.source.clone(),
        days: rule.days,
        by_own_date: rule.from == RetentionFrom::Written,
    });
    let folders = settings.knowledge.folders.iter();
    let watched = folders.map(|folder| (folder.knowledge_base.clone(), folder.source.clone()));
    Ok(RetentionConfig {
        schedule: Cron::parse(&retention.schedule)?,
        dry_run: retention.dry_run,
        audit: kept(settings.audit.days),
        audit_contents: kept(settings.audit.content_days),
        usage: kept(settings.usage.days),
        jobs: kept(settings.jobs.keep_days),
        outbox: days(settings.webhooks.keep_days),
        questions: Some(days(settings.knowledge.unanswered_days)),
        reviews: kept(settings.reviews.days),
        tickets: kept(settings.triage.days),
        pilots: kept(settings.pilots.days),
        keys: kept(retention.keys_days),
        erasures: kept(retention.erasures_days),
        documents: rules.collect(),
        watched: watched.collect(),
    })
}

/// `None` for 0, which means for ever.
fn kept(number: u32) -> Option<Duration> {
    (number > 0).then(|| days(number))
}

fn days(number: u32) -> Duration {
    Duration::from_secs(u64::from(number) * 24 * 3600)
}
