//! `intramuros backup` and `intramuros restore`: work on the data directory, also while the server
//! runs.
//!
//! For cron the exit status says it all: 0 is a sound backup, 1 none, 3 a backup of data of which
//! something was lost before.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use intramuros_ledger::{AuditEntry, AuditOutcome, EventKind, Ledger, LedgerError, NewEvent};
use intramuros_upkeep::{
    BackupReport, BackupRequest, Manifest, Problems, RestoreReport, UpkeepError, create, list,
    restore, verify,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::args::{Backup, Common, Restore};
use crate::commands::serve::lock_data_dir;
use crate::language::tr;
use crate::ledger::actor;
use crate::output;
use crate::settings::{self, Settings};

/// A backup was made or is whole, and holds what was lost before.
const FLAWED: u8 = 3;

pub(crate) fn run(common: &Common, command: &Backup) -> anyhow::Result<ExitCode> {
    match command {
        Backup::Create { destination, keep } => {
            let settings = settings::load(common, &[])?.settings;
            let request = BackupRequest {
                data_dir: settings.data_dir.clone(),
                destination: destination.clone(),
                keep: *keep,
                now: OffsetDateTime::now_utc(),
            };
            let runtime = runtime()?;
            let outcome = runtime.block_on(async {
                let outcome = create(request).await;
                trace(&settings, destination, &outcome).await;
                outcome
            });
            let report = outcome.with_context(|| {
                tr("la sauvegarde n'a pas été faite", "the backup was not made")
            })?;
            Ok(made(common, &report))
        }
        Backup::Verify { backup } => check(common, backup),
        Backup::List { destination } => show(common, destination),
    }
}

/// Notes a backup in the audit trail, and tells webhooks of one that failed. Whether that works is no
/// part of the backup.
async fn trace(
    settings: &Settings,
    destination: &Path,
    outcome: &Result<BackupReport, UpkeepError>,
) {
    let path = settings.data_dir.join("ledger.sqlite");
    if !path.is_file() {
        return;
    }
    let name = outcome.as_ref().map_or(destination, |report| &report.path).display().to_string();
    let noted = async {
        let ledger = Ledger::open_existing(&path).await?;
        let failure = outcome.as_ref().err().map(ToString::to_string);
        if settings.audit.is_kept() {
            ledger.append_audit(&[entry("backup.create", &name, failure.as_deref())]).await?;
        }
        if let Some(error) = failure {
            let payload = json!({"destination": name, "error": error});
            ledger.emit(&NewEvent::about(EventKind::BackupFailed, payload)).await?;
        }
        ledger.close().await;
        Ok::<_, LedgerError>(())
    };
    if let Err(error) = noted.await {
        output::note(tr(
            format!("la sauvegarde n'est pas inscrite au journal d'audit : {error}"),
            format!("the backup is not in the audit trail: {error}"),
        ));
    }
}

fn entry(action: &str, target: &str, failure: Option<&str>) -> AuditEntry {
    let (outcome, details) = match failure {
        None => (AuditOutcome::Done, json!({})),
        Some(error) => (AuditOutcome::Failed, json!({"error": error})),
    };
    AuditEntry {
        actor: actor(),
        action: action.to_owned(),
        target: target.to_owned(),
        outcome,
        request: None,
        details,
        content: None,
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn made(common: &Common, report: &BackupReport) -> ExitCode {
    let manifest = &report.manifest;
    if common.json {
        let mut value = summary(&report.path, manifest);
        value["flaws"] = listed(&report.flaws);
        value["written_bytes"] = json!(report.written_bytes);
        value["shared_files"] = json!(report.shared_files);
        value["gate_held_ms"] = json!(report.gate_held.as_millis());
        value["elapsed_ms"] = json!(report.elapsed.as_millis());
        value["removed"] = json!(report.removed);
        output::json(&value);
        return outcome(&report.flaws);
    }
    let path = report.path.display();
    let total = output::bytes(manifest.total_bytes());
    let written = output::bytes(report.written_bytes);
    let (files, held) = (manifest.files.len(), report.gate_held.as_millis());
    let seconds = report.elapsed.as_secs_f32();
    output::line(tr(
        format!(
            "{path} : sauvegarde relue et complète, {total} en {files} fichiers ({written} écrits) \
             en {seconds:.1} s ; les écritures ont attendu {held} ms"
        ),
        format!(
            "{path}: backup complete and read back, {total} in {files} files ({written} written) \
             in {seconds:.1} s; changes waited for {held} ms"
        ),
    ));
    output::line(tr(
        "N'y sont pas : les modèles et le fichier de réglages.",
        "Not in it: the models and the settings file.",
    ));
    for removed in &report.removed {
        let removed = removed.display();
        output::line(tr(format!("{removed} : supprimée"), format!("{removed}: removed")));
    }
    tell_flaws(&report.flaws);
    outcome(&report.flaws)
}

fn check(common: &Common, backup: &Path) -> anyhow::Result<ExitCode> {
    let found = runtime()?.block_on(verify(backup))?;
    let damaged = !found.damage.is_empty();
    if common.json {
        let mut value = summary(backup, &found.manifest);
        value["sound"] = json!(!damaged);
        value["damage"] = listed(&found.damage);
        value["flaws"] = listed(&found.flaws);
        output::json(&value);
    } else {
        let shown = backup.display();
        if damaged {
            let count = found.damage.count();
            output::line(tr(
                format!("{shown} : ABÎMÉE, {count} défauts ; ne vous y fiez pas"),
                format!("{shown}: DAMAGED, {count} faults; do not rely on it"),
            ));
            tell(&found.damage);
        } else {
            let (files, created) = (found.manifest.files.len(), &found.manifest.created);
            output::line(tr(
                format!("{shown} : intacte, {files} fichiers relus, état du {created}"),
                format!("{shown}: sound, {files} files read, as of {created}"),
            ));
        }
        tell_flaws(&found.flaws);
    }
    Ok(if damaged { ExitCode::FAILURE } else { outcome(&found.flaws) })
}

fn show(common: &Common, destination: &Path) -> anyhow::Result<ExitCode> {
    let backups = list(destination)?;
    if common.json {
        let backups = backups.iter().map(|backup| match &backup.manifest {
            Ok(manifest) => {
                let mut value = summary(&backup.path, manifest);
                value["flaws"] = json!(manifest.flaws);
                value
            }
            Err(error) => json!({"path": backup.path, "error": error}),
        });
        output::json(&json!({"backups": backups.collect::<Vec<_>>()}));
        return Ok(ExitCode::SUCCESS);
    }
    let rows = backups.iter().map(|backup| match &backup.manifest {
        Ok(manifest) => {
            let bases = &manifest.knowledge_bases;
            vec![
                backup.name(),
                manifest.created.clone(),
                output::bytes(manifest.total_bytes()),
                bases.iter().map(|base| base.documents).sum::<u64>().to_string(),
                bases.iter().map(|base| base.passages).sum::<u64>().to_string(),
                manifest.program.clone(),
                manifest.flaws.len().to_string(),
            ]
        }
        Err(error) => vec![backup.name(), error.clone()],
    });
    let header = tr(
        ["SAUVEGARDE", "ÉTAT DU", "TAILLE", "DOCUMENTS", "PASSAGES", "VERSION", "PERTES"],
        ["BACKUP", "AS OF", "SIZE", "DOCUMENTS", "PASSAGES", "VERSION", "LOSSES"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(ExitCode::SUCCESS)
}

/// `intramuros restore`.
pub(crate) fn put_back(common: &Common, command: &Restore) -> anyhow::Result<ExitCode> {
    let flag = command.data_dir.as_ref().map(|dir| format!("data_dir={}", dir.display()));
    let flags: Vec<String> = flag.into_iter().collect();
    let settings = settings::load(common, &flags)?.settings;
    let data_dir = &settings.data_dir;
    let report = put_into(&command.backup, &settings)
        .with_context(|| tr("rien n'a été restauré", "nothing was restored"))?;
    let (shown, created) = (data_dir.display(), &report.manifest.created);
    if common.json {
        let mut value = summary(&command.backup, &report.manifest);
        value["data_dir"] = json!(data_dir);
        value["flaws"] = listed(&report.flaws);
        output::json(&value);
        return Ok(outcome(&report.flaws));
    }
    output::line(tr(
        format!("{shown} : restauré et relu, état du {created} ; démarrez le serveur"),
        format!("{shown}: restored and read back, as of {created}; start the server"),
    ));
    output::line(tr(
        "Ce qui a changé depuis est à refaire : clés révoquées, documents supprimés ou déposés.",
        "What changed since is to be done again: keys revoked, documents erased or uploaded.",
    ));
    tell_flaws(&report.flaws);
    Ok(outcome(&report.flaws))
}

fn put_into(backup: &Path, settings: &Settings) -> anyhow::Result<RestoreReport> {
    let data_dir = &settings.data_dir;
    // Also refuses the directory of a server that runs. A missing one is made by the lock.
    let _lock = if data_dir.is_dir() {
        if intramuros_upkeep::interrupted_restore(data_dir) {
            return Err(UpkeepError::Interrupted { path: data_dir.to_owned() }.into());
        }
        Some(lock_data_dir(data_dir)?)
    } else {
        None
    };
    runtime()?.block_on(async {
        let report = restore(backup, data_dir).await?;
        if settings.audit.is_kept() {
            let ledger = Ledger::open(&data_dir.join("ledger.sqlite")).await?;
            let name = backup.display().to_string();
            ledger.append_audit(&[entry("backup.restore", &name, None)]).await?;
            ledger.close().await;
        }
        Ok(report)
    })
}

fn summary(path: &Path, manifest: &Manifest) -> Value {
    json!({
        "path": path,
        "created": manifest.created,
        "program": manifest.program,
        "ledger_schema": manifest.ledger_schema,
        "files": manifest.files.len(),
        "bytes": manifest.total_bytes(),
        "knowledge_bases": manifest.knowledge_bases.iter().map(|base| json!({
            "id": base.id, "documents": base.documents, "passages": base.passages,
        })).collect::<Vec<_>>(),
    })
}

fn listed(problems: &Problems) -> Value {
    let listed: Vec<String> = problems.listed.iter().map(ToString::to_string).collect();
    json!({"count": problems.count(), "first": listed})
}

fn tell_flaws(flaws: &Problems) {
    if flaws.is_empty() {
        return;
    }
    let count = flaws.count();
    output::line(tr(
        format!(
            "ATTENTION : {count} pertes dans les données elles-mêmes, antérieures à la sauvegarde ; \
             une sauvegarde plus ancienne les a peut-être encore, ou redéposez les fichiers :"
        ),
        format!(
            "WARNING: {count} losses in the data themselves, from before the backup; an older \
             backup may still have them, or upload the files again:"
        ),
    ));
    tell(flaws);
}

fn tell(problems: &Problems) {
    for problem in &problems.listed {
        output::line(format!("  {problem}"));
    }
    if problems.more > 0 {
        let more = problems.more;
        output::line(tr(format!("  et {more} autres"), format!("  and {more} more")));
    }
}

fn outcome(flaws: &Problems) -> ExitCode {
    if flaws.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FLAWED) }
}
