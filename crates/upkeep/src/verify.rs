//! Compares a backup with its manifest, and its ledger with what is beside it.

use std::collections::HashMap;
use std::path::Path;

use intramuros_ledger::Ledger;

use crate::contents::{Contents, compare};
use crate::copy;
use crate::manifest::{FileEntry, Manifest};
use crate::names::{FILES, LEDGER, MANIFEST, TABLES};
use crate::{Problem, Problems, UpkeepError};

/// What a look at a backup found.
#[derive(Debug, Clone)]
pub struct Verification {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Where it is not what was written; nothing of it should be trusted then.
    pub damage: Problems,
    /// What was wrong with the data when they were backed up.
    pub flaws: Problems,
}

/// Reads every file of the backup in `folder`. Changes nothing there.
///
/// # Errors
/// `NotABackup`; `Newer`, also for its ledger; `Io`. Damage is not an error, it is the result.
pub async fn verify(folder: &Path) -> Result<Verification, UpkeepError> {
    let (manifest, mut damage) = tokio::task::spawn_blocking({
        let folder = folder.to_owned();
        move || {
            let manifest = Manifest::read(&folder)?;
            let damage = copy::compare(&folder, &manifest.files, &[MANIFEST])?;
            Ok::<_, UpkeepError>((manifest, damage))
        }
    })
    .await??;
    let mut flaws = Problems::default();
    // Of damaged files no more can be said than that.
    if damage.is_empty() {
        match contents(folder, &manifest.files).await {
            Ok(contents) if contents.bases == manifest.knowledge_bases => flaws = contents.flaws,
            Ok(_) => damage.push(Problem::Changed { path: MANIFEST.to_owned() }),
            Err(UpkeepError::Ledger(error)) if !is_newer(&error) => {
                damage.push(unreadable(LEDGER, &error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Verification { manifest, damage, flaws })
}

/// What the ledger in `folder` says, compared with what is beside it; `files` were verified.
pub(crate) async fn contents(folder: &Path, files: &[FileEntry]) -> Result<Contents, UpkeepError> {
    let ledger = Ledger::open_copy(&folder.join(LEDGER)).await?;
    let outcome = async {
        ledger.check().await?;
        let inventory = ledger.inventory().await?;
        let digests: HashMap<&str, &str> =
            files.iter().map(|file| (file.path.as_str(), file.sha256.as_str())).collect();
        let of_file = |digest: &str| {
            let start = digest.get(..2).unwrap_or_default();
            match digests.get(format!("{FILES}/{start}/{digest}").as_str()) {
                Some(found) if *found == digest => None,
                Some(_) => Some(Problem::FileDamaged { digest: digest.to_owned() }),
                None => Some(Problem::FileMissing { digest: digest.to_owned() }),
            }
        };
        compare(&inventory, &folder.join(TABLES), of_file).await
    };
    let outcome = outcome.await;
    ledger.close().await;
    outcome
}

fn unreadable(what: &str, error: &dyn std::error::Error) -> Problem {
    Problem::Unreadable { what: what.to_owned(), reason: error.to_string() }
}

fn is_newer(error: &intramuros_ledger::LedgerError) -> bool {
    matches!(error, intramuros_ledger::LedgerError::Newer { .. })
}
