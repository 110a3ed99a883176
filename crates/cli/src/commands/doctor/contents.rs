//! Compares the ledger with the stored files and passages.

use std::path::Path;

use intramuros_upkeep::{Problem, flaws};

use super::{Area, Finding};
use crate::language::tr;

/// The most losses that are shown.
const SHOWN: usize = 20;

/// Reads every stored file once.
pub(super) async fn findings(data_dir: &Path) -> Vec<Finding> {
    let contents = match flaws(data_dir).await {
        Ok(contents) => contents,
        Err(error) => {
            let remedy = tr("restaurez une sauvegarde", "restore a backup");
            return vec![Finding::bad(Area::Data, error.to_string(), remedy)];
        }
    };
    if contents.flaws.is_empty() {
        let files = contents.files;
        let passages: u64 = contents.bases.iter().map(|base| base.passages).sum();
        let what = tr(
            format!("{files} fichiers et {passages} passages sont ce qu'en dit la base SQL"),
            format!("{files} stored files and {passages} passages are what the ledger says"),
        );
        return vec![Finding::good(Area::Data, what)];
    }
    let shown = contents.flaws.listed.iter().take(SHOWN);
    let mut findings: Vec<Finding> =
        shown.map(|flaw| Finding::bad(Area::Data, flaw.to_string(), remedy(flaw))).collect();
    let more = contents.flaws.count() - findings.len() as u64;
    if more > 0 {
        let what = tr(format!("et {more} autres pertes"), format!("and {more} more losses"));
        let remedy = tr("restaurez une sauvegarde", "restore a backup");
        findings.push(Finding::bad(Area::Data, what, remedy));
    }
    findings
}

#[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
fn remedy(flaw: &Problem) -> &'static str {
    match flaw {
        Problem::FileMissing { .. } | Problem::FileDamaged { .. } => tr(
            "redéposez le même fichier, ou restaurez une sauvegarde",
            "upload the same file again, or restore a backup",
        ),
        Problem::Passages { .. } | Problem::Stray { .. } | Problem::TableMissing { .. } => tr(
            "refaites l'index de la base (« intramuros kb reindex »)",
            "make the index of the knowledge base anew ('intramuros kb reindex')",
        ),
        _ => tr("restaurez une sauvegarde", "restore a backup"),
    }
}
