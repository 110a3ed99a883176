//! Checks `[retention]`: how long documents, keys and reports of erasures are kept, and when what is
//! too old is removed.

use anyhow::{Context as _, bail};
use intramuros_jobs::Cron;
use serde::Deserialize;

use super::Settings;
use crate::language::tr;

/// The most days of a rule: a hundred years.
const MAX_DAYS: u32 = 36_525;
/// The most rules.
const MAX_RULES: usize = 200;

/// `[retention]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retention {
    /// A cron expression.
    pub(crate) schedule: String,
    /// Whether documents are only counted.
    pub(crate) dry_run: bool,
    /// 0: for ever.
    pub(crate) keys_days: u32,
    /// 0: for ever.
    pub(crate) erasures_days: u32,
    pub(crate) documents: Vec<Rule>,
}

/// One `[[retention.documents]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) knowledge_base: String,
    /// Only those with this label.
    pub(crate) label: Option<String>,
    /// Only those that this source brought.
    pub(crate) source: Option<String>,
    pub(crate) days: u32,
    #[serde(default)]
    pub(crate) from: From,
}

/// `from` of a rule: when the days begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum From {
    /// When the document got the content that it has.
    #[default]
    Arrival,
    /// The date that a document has of itself; its arrival where it has none.
    Written,
}

pub(super) fn check(settings: &Settings) -> anyhow::Result<()> {
    let retention = &settings.retention;
    Cron::parse(&retention.schedule).context("retention.schedule")?;
    let rules = &retention.documents;
    if rules.len() > MAX_RULES {
        let count = rules.len();
        bail!(tr(
            format!("retention.documents a {count} règles, {MAX_RULES} au plus"),
            format!("retention.documents has {count} rules, the limit is {MAX_RULES}"),
        ));
    }
    for rule in rules {
        let (base, days) = (&rule.knowledge_base, rule.days);
        if !(1..=MAX_DAYS).contains(&days) {
            bail!(tr(
                format!(
                    "retention.documents : days vaut {days} pour « {base} » ; il doit valoir de 1 \
                     à {MAX_DAYS}"
                ),
                format!(
                    "retention.documents: days is {days} for '{base}'; it must be 1 to {MAX_DAYS}"
                ),
            ));
        }
        let watched = settings.knowledge.folders.iter().any(|folder| {
            folder.knowledge_base == *base && rule.source.as_ref() == Some(&folder.source)
        });
        if watched {
            let source = rule.source.as_deref().unwrap_or_default();
            bail!(tr(
                format!(
                    "retention.documents : « {source} » de « {base} » est un dossier surveillé, qui \
                     ramènerait ce qui est effacé ici ; effacez les fichiers dans le dossier"
                ),
                format!(
                    "retention.documents: '{source}' of '{base}' is a watched folder, which would \
                     bring back what is erased here; remove the files from the folder"
                ),
            ));
        }
    }
    Ok(())
}
