//! Compares a ledger with the passages and the files that are beside it.

use std::collections::HashMap;
use std::path::Path;

use intramuros_ledger::{Inventory, InventoryBase, Ledger};
use intramuros_store::{Blobs, StoreError, TableSpec, passages_by_document};
use intramuros_types::DocumentId;

use crate::manifest::BaseSummary;
use crate::names::{FILES, LEDGER, TABLES};
use crate::{Problem, Problems, UpkeepError};

/// What a ledger's knowledge bases hold, and what of it is missing or damaged.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// The knowledge bases in numbers.
    pub bases: Vec<BaseSummary>,
    /// How many files documents have.
    pub files: u64,
    /// What is wrong.
    pub flaws: Problems,
}

/// What of a live data directory is missing or damaged; reads every file. What a server changes
/// meanwhile is not taken for a flaw: only what is found twice counts.
///
/// # Errors
/// The ledger is missing, of a newer version or damaged; a failure of the disk.
pub async fn flaws(data_dir: &Path) -> Result<Contents, UpkeepError> {
    let ledger = Ledger::open_as_is(&data_dir.join(LEDGER)).await?;
    let outcome = twice(&ledger, data_dir).await;
    ledger.close().await;
    outcome
}

async fn twice(ledger: &Ledger, data_dir: &Path) -> Result<Contents, UpkeepError> {
    let first = look(ledger, data_dir).await?;
    if first.flaws.is_empty() {
        return Ok(first);
    }
    let mut second = look(ledger, data_dir).await?;
    second.flaws.listed.retain(|problem| first.flaws.listed.contains(problem));
    second.flaws.more = second.flaws.more.min(first.flaws.more);
    Ok(second)
}

async fn look(ledger: &Ledger, data_dir: &Path) -> Result<Contents, UpkeepError> {
    let inventory = ledger.inventory().await?;
    let blobs = Blobs::at(&data_dir.join(FILES));
    let (inventory, damaged) = tokio::task::spawn_blocking(move || {
        let mut damaged = HashMap::new();
        for digest in &inventory.files {
            if let Some(problem) = of_file(digest, blobs.verify(digest)) {
                damaged.insert(digest.clone(), problem);
            }
        }
        (inventory, damaged)
    })
    .await?;
    let of_file = |digest: &str| damaged.get(digest).cloned();
    compare(&inventory, &data_dir.join(TABLES), of_file).await
}

fn of_file(digest: &str, verified: Result<(), StoreError>) -> Option<Problem> {
    let digest = digest.to_owned();
    match verified {
        Ok(()) => None,
        Err(StoreError::BlobMissing { .. }) => Some(Problem::FileMissing { digest }),
        Err(StoreError::BlobDamaged { .. }) => Some(Problem::FileDamaged { digest }),
        Err(error) => {
            let what = format!("the stored file {digest}");
            Some(Problem::Unreadable { what, reason: error.to_string() })
        }
    }
}

/// Compares `inventory` with the tables in the folder `tables`, and with what `of_file` says of the
/// file with a digest.
pub(crate) async fn compare(
    inventory: &Inventory,
    tables: &Path,
    of_file: impl Fn(&str) -> Option<Problem>,
) -> Result<Contents, UpkeepError> {
    let mut contents = Contents { files: inventory.files.len() as u64, ..Contents::default() };
    for base in &inventory.bases {
        let counts = match counts(base, tables).await {
            Ok(counts) => counts,
            Err(error) => {
                let what = format!("the table of the knowledge base '{}'", base.id);
                contents.flaws.push(Problem::Unreadable { what, reason: error.to_string() });
                continue;
            }
        };
        let ready = base.documents.iter().filter(|document| document.passages.is_some()).count();
        contents.bases.push(BaseSummary {
            id: base.id.to_string(),
            documents: ready as u64,
            passages: counts.as_ref().map_or(0, |counts| counts.values().sum()),
        });
        of_base(base, counts, &mut contents.flaws);
    }
    let mut files: Vec<&String> = inventory.files.iter().collect();
    files.sort_unstable();
    files.into_iter().filter_map(|digest| of_file(digest)).for_each(|problem| {
        contents.flaws.push(problem);
    });
    Ok(contents)
}

type Counts = HashMap<DocumentId, u64>;

async fn counts(base: &InventoryBase, tables: &Path) -> Result<Option<Counts>, StoreError> {
    // The tables of the earliest version do not say how long their vectors are.
    let Some(dimension) = base.dimension else { return Ok(None) };
    let spec = TableSpec {
        knowledge_base: base.id.clone(),
        model: base.embedding_model.clone(),
        dimension: dimension as usize,
        generation: base.generation,
    };
    passages_by_document(tables, &spec).await
}

fn of_base(base: &InventoryBase, counts: Option<Counts>, flaws: &mut Problems) {
    let Some(mut counts) = counts else {
        let has_passages = base.documents.iter().any(|document| document.passages > Some(0));
        if base.dimension.is_some() && has_passages {
            flaws.push(Problem::TableMissing { base: base.id.clone() });
        }
        return;
    };
    for document in &base.documents {
        let found = counts.remove(&document.id).unwrap_or(0);
        let Some(expected) = document.passages else { continue };
        // A later index may have cut the document otherwise.
        let differs = match base.generation {
            0 => found != u64::from(expected),
            _ => (found == 0) != (expected == 0),
        };
        if differs {
            flaws.push(Problem::Passages { document: document.id.clone(), expected, found });
        }
    }
    let mut stray: Vec<(DocumentId, u64)> = counts.into_iter().collect();
    stray.sort_unstable();
    for (document, passages) in stray {
        flaws.push(Problem::Stray { document, passages });
    }
}
