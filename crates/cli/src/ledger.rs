//! Opens the ledger for commands that work on it directly, also while the server runs, and writes
//! what they do into the audit trail.

use anyhow::bail;
use intramuros_ledger::{AuditEntry, AuditOutcome, Ledger, LedgerError};
use serde_json::{Value, json};

use crate::args::Common;
use crate::data_dir;
use crate::language::tr;
use crate::settings::{self, Settings};

/// Opens the ledger of the settings, runs `work` on it and closes it. One that is not there is an
/// error: an audit that is checked in the wrong folder must not look sound.
pub(crate) fn with<T>(
    common: &Common,
    work: impl AsyncFnOnce(&Ledger, &Settings) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    run(common, false, work)
}

/// The same, for what comes before the first start: a ledger that is not there is made.
pub(crate) fn with_new<T>(
    common: &Common,
    work: impl AsyncFnOnce(&Ledger, &Settings) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    run(common, true, work)
}

fn run<T>(
    common: &Common,
    makes: bool,
    work: impl AsyncFnOnce(&Ledger, &Settings) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let settings = settings::load(common, &[])?.settings;
    // It refuses a directory that a restore left half done.
    if makes || settings.data_dir.is_dir() {
        data_dir::create(&settings.data_dir)?;
    }
    let path = settings.data_dir.join("ledger.sqlite");
    // One without a byte was never more than begun.
    let exists = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    if !exists && !makes {
        let dir = settings.data_dir.display();
        bail!(tr(
            format!(
                "il n'y a pas de registre dans {dir} ; est-ce le bon data_dir (--data-dir, \
                 --config) ? « intramuros serve » et « intramuros keys create » en créent un"
            ),
            format!(
                "there is no ledger in {dir}; is that the right data_dir (--data-dir, --config)? \
                 'intramuros serve' and 'intramuros keys create' make one"
            ),
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let opened =
            if exists { Ledger::open_existing(&path).await } else { Ledger::open(&path).await };
        let ledger = opened?;
        let outcome = work(&ledger, &settings).await;
        ledger.close().await;
        outcome
    })
}

/// Runs an act between two entries of the audit trail: one before it, one with how it ended.
pub(crate) async fn audited<T>(
    ledger: &Ledger,
    settings: &Settings,
    (action, target): (&str, &str),
    act: impl Future<Output = Result<T, LedgerError>>,
) -> anyhow::Result<T> {
    let target = target.to_owned();
    named(ledger, settings, action, target.clone(), act, |_| target).await
}

/// The same for an act that makes something, whose id `id` tells. Names that people have do not get
/// into the trail: it cannot forget them.
pub(crate) async fn audited_new<T>(
    ledger: &Ledger,
    settings: &Settings,
    action: &str,
    act: impl Future<Output = Result<T, LedgerError>>,
    id: impl FnOnce(&T) -> String,
) -> anyhow::Result<T> {
    named(ledger, settings, action, String::new(), act, id).await
}

async fn named<T>(
    ledger: &Ledger,
    settings: &Settings,
    action: &str,
    target: String,
    act: impl Future<Output = Result<T, LedgerError>>,
    id: impl FnOnce(&T) -> String,
) -> anyhow::Result<T> {
    if !settings.audit.is_kept() {
        return Ok(act.await?);
    }
    let entry = |target, outcome, details| AuditEntry {
        actor: actor(),
        action: action.to_owned(),
        target,
        outcome,
        request: None,
        details,
        content: None,
    };
    ledger.append_audit(&[entry(target.clone(), AuditOutcome::Begun, json!({}))]).await?;
    let done = act.await;
    let (target, outcome, details) = match &done {
        Ok(made) => (id(made), AuditOutcome::Done, json!({})),
        // An error may quote a name.
        Err(error) => (target, AuditOutcome::Failed, json!({"error": reason(error)})),
    };
    ledger.append_audit(&[entry(target, outcome, details)]).await?;
    Ok(done?)
}

#[allow(clippy::wildcard_enum_match_arm, reason = "two errors of many quote what was given")]
fn reason(error: &LedgerError) -> String {
    match error {
        LedgerError::Conflict { what, reason, .. } => format!("the {what} {reason}"),
        LedgerError::NotFound { what, .. } => format!("the {what} does not exist"),
        other => other.to_string(),
    }
}

/// Who runs the command: the account on this machine.
pub(crate) fn actor() -> String {
    let id = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(id).ok().flatten().map(|user| user.name);
    format!("local:{}", name.unwrap_or_else(|| id.to_string()))
}

/// A moment as JSON output writes it; null for none.
pub(crate) fn moment(at: Option<time::OffsetDateTime>) -> Value {
    let format = &time::format_description::well_known::Rfc3339;
    json!(at.and_then(|at| at.format(format).ok()))
}
