//! `intramuros audit`: works on the ledger directly, also while the server runs, and on exported
//! files.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use intramuros_ledger::{
    AuditFault, AuditFaultKind, AuditFilter, AuditHead, AuditRecord, AuditVerifier, Ledger,
    Unsealer, Verification,
};
use serde_json::{Value, json};

use crate::args::{Audit, Common};
use crate::language::tr;
use crate::ledger::{moment, with};
use crate::output;

/// Entries that an export reads at once.
const PAGE: u32 = 1_000;
/// Longest line of an exported file.
const MAX_LINE_BYTES: u64 = 1 << 20;

pub(crate) fn run(common: &Common, command: &Audit) -> anyhow::Result<ExitCode> {
    match command {
        Audit::List { actor, action, target, limit } => {
            let filter = AuditFilter {
                actor: actor.clone(),
                action: action.clone(),
                target: target.clone(),
                ..AuditFilter::default()
            };
            with(common, async |ledger, _| list(common, ledger, &filter, *limit).await)?;
        }
        Audit::Verify { head, file } => return verify(common, head.as_deref(), file.as_deref()),
        Audit::Head => with(common, async |ledger, _| {
            let head = ledger.audit_head().await?;
            if common.json {
                output::json(&json!(head));
            } else {
                output::line(&head);
            }
            Ok(())
        })?,
        Audit::Export => with(common, async |ledger, _| export(ledger).await)?,
        Audit::Keygen => keygen(common)?,
        Audit::Open { seq, private_key } => open(common, *seq, private_key)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(
    common: &Common,
    ledger: &Ledger,
    filter: &AuditFilter,
    limit: u32,
) -> anyhow::Result<()> {
    let entries = ledger.audit(filter, true, None, limit).await?.entries;
    if common.json {
        output::json(&json!({"entries": entries.iter().map(to_json).collect::<Vec<_>>()}));
        return Ok(());
    }
    let rows = entries.into_iter().map(|entry| {
        let at = moment(Some(entry.moment()));
        let at = at.as_str().unwrap_or_default().to_owned();
        vec![entry.seq.to_string(), at, entry.actor, entry.action, entry.target, entry.outcome]
    });
    let header = tr(
        ["N°", "QUAND", "QUI", "ACTE", "SUR QUOI", "ISSUE"],
        ["NO", "WHEN", "WHO", "ACT", "ON WHAT", "OUTCOME"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    Ok(())
}

fn to_json(entry: &AuditRecord) -> Value {
    let mut shown = json!(entry);
    shown["at"] = moment(Some(entry.moment()));
    shown["details"] = serde_json::from_str(&entry.details).unwrap_or(Value::Null);
    shown
}

fn verify(common: &Common, head: Option<&str>, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let head = head.map(str::parse::<AuditHead>).transpose();
    let head = head.map_err(|reason| anyhow::anyhow!("--head {reason}"))?;
    let found = match file {
        Some(file) => verify_file(file, head)?,
        None => with(common, async |ledger, _| Ok(ledger.verify_audit(head).await?))?,
    };
    if common.json {
        let mut shown = json!(found);
        shown["sound"] = json!(found.is_sound());
        output::json(&shown);
    } else {
        show(&found);
    }
    Ok(if found.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verify_file(path: &Path, head: Option<AuditHead>) -> anyhow::Result<Verification> {
    let shown = path.display();
    let unreadable =
        || tr(format!("{shown} ne peut pas être lu"), format!("{shown} cannot be read"));
    let mut reader = BufReader::new(std::fs::File::open(path).with_context(unreadable)?);
    let mut verifier = AuditVerifier::new(head);
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        let read = std::io::Read::take(&mut reader, MAX_LINE_BYTES).read_line(&mut line);
        if read.with_context(unreadable)? == 0 {
            break;
        }
        let record: AuditRecord = serde_json::from_str(&line).with_context(|| {
            tr(
                format!("{shown}, ligne {number} : ce n'est pas une entrée du journal d'audit"),
                format!("{shown}, line {number}: this is no entry of the audit trail"),
            )
        })?;
        verifier.take(&record, None);
    }
    Ok(verifier.finish())
}

fn show(found: &Verification) {
    let (entries, first, head) = (found.entries, found.first, &found.head);
    output::line(tr(
        format!("{entries} entrées, de {first} à {} ; tête {head}", head.seq),
        format!("{entries} entries, {first} to {}; head {head}", head.seq),
    ));
    if found.is_sound() {
        output::line(tr("le journal est intact", "the trail is sound"));
        return;
    }
    for AuditFault { seq, kind } in &found.faults {
        let what = match kind {
            AuditFaultKind::Changed => tr("a été modifiée", "was changed"),
            AuditFaultKind::Unlinked => tr(
                "ne suit pas la précédente : une entrée a été retirée, ajoutée ou déplacée",
                "does not follow the one before: an entry was removed, added or moved",
            ),
            AuditFaultKind::Gap => tr("suit un trou", "follows a gap"),
            AuditFaultKind::Beginning => tr(
                "est la première, et rien ne dit que d'autres ont été retirées",
                "is the first, and nothing says that others were removed",
            ),
            AuditFaultKind::Content => tr("a un autre contenu", "has another content"),
            AuditFaultKind::Head => tr(
                "n'est pas celle de la tête exportée : la fin a été coupée ou réécrite",
                "is not that of the exported head: the end was cut off or written anew",
            ),
        };
        output::line(tr(format!("l'entrée {seq} {what}"), format!("entry {seq} {what}")));
    }
}

async fn export(ledger: &Ledger) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = ledger.audit(&AuditFilter::default(), false, after, PAGE).await?;
        for entry in &page.entries {
            output::line(serde_json::to_string(entry)?);
        }
        let Some(next) = page.next else { return Ok(()) };
        after = Some(next);
    }
}

fn keygen(common: &Common) -> anyhow::Result<()> {
    let key = Unsealer::generate()?;
    let (public, private) = (key.public_key(), key.private_key());
    if common.json {
        output::json(&json!({"public_key": public, "private_key": private}));
        return Ok(());
    }
    output::note(tr(
        "Clé privée, à garder hors de cette machine ; elle n'est écrite nulle part :",
        "Private key, to be kept off this machine; it is stored nowhere:",
    ));
    output::line(private);
    output::note(tr("Réglage du serveur :", "Setting of the server:"));
    output::note(format!("[audit]\nlevel = \"content\"\npublic_key = \"{public}\""));
    Ok(())
}

fn open(common: &Common, seq: u64, path: &Path) -> anyhow::Result<()> {
    let key = std::fs::read_to_string(path).with_context(|| {
        let path = path.display();
        tr(format!("{path} ne peut pas être lu"), format!("{path} cannot be read"))
    })?;
    let key = Unsealer::new(&key)?;
    let sealed = with(common, async |ledger, _| Ok(ledger.audit_content(seq).await?))?;
    let Some(sealed) = sealed else {
        bail!(tr(
            format!("l'entrée {seq} n'a pas de contenu, ou n'en a plus"),
            format!("entry {seq} has no content, or none any more"),
        ))
    };
    let content = key.unseal(&sealed).with_context(|| {
        tr(
            "cette clé privée n'ouvre pas ce contenu : il a été scellé pour une autre",
            "this private key does not open this content: it was sealed for another",
        )
    })?;
    output::line(String::from_utf8_lossy(&content));
    Ok(())
}
