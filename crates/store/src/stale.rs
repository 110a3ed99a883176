//! Remembers that the indexes of a table name rows that are gone.
//!
//! Building them anew takes seconds for ten thousand passages and minutes for a million, so it is
//! done when it must be: after a removal, also one that a crash separated from its maintenance. A
//! file beside the table says so, written before the removal and taken away after the maintenance.

use std::path::PathBuf;

use crate::StoreError;

/// Whether the indexes of one table may name rows that are gone.
pub(crate) struct Stale {
    is: bool,
    /// `None` for a table in an object store, which has no place for it: there each start counts as
    /// a removal.
    mark: Option<PathBuf>,
}

impl Stale {
    /// As an earlier run left it.
    pub(crate) fn open(mark: Option<PathBuf>) -> Self {
        let is = mark.as_ref().is_none_or(|mark| mark.exists());
        Self { is, mark }
    }

    pub(crate) fn get(&self) -> bool {
        self.is
    }

    /// Notes a removal that is about to happen; on disk when this returns.
    pub(crate) async fn set(&mut self) -> Result<(), StoreError> {
        if self.is {
            return Ok(());
        }
        if let Some(mark) = self.mark.clone() {
            let path = mark.clone();
            let write = move || {
                std::fs::File::create(&mark)?.sync_all()?;
                match mark.parent() {
                    Some(folder) => std::fs::File::open(folder)?.sync_all(),
                    None => Ok(()),
                }
            };
            blocking(write).await.map_err(StoreError::io("write", &path))?;
        }
        self.is = true;
        Ok(())
    }

    /// Notes that nothing names what is gone any more.
    pub(crate) async fn clear(&mut self) -> Result<(), StoreError> {
        if let Some(mark) = self.mark.clone().filter(|_| self.is) {
            let path = mark.clone();
            let remove = move || match std::fs::remove_file(mark) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
            blocking(remove).await.map_err(StoreError::io("remove", &path))?;
        }
        self.is = false;
        Ok(())
    }
}

async fn blocking(
    work: impl FnOnce() -> std::io::Result<()> + Send + 'static,
) -> std::io::Result<()> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other).flatten()
}

#[cfg(test)]
mod tests {
    use super::Stale;

    #[tokio::test]
    async fn a_removal_is_remembered_until_it_is_dealt_with() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("table.stale");
        let open = || Stale::open(Some(mark.clone()));
        let mut stale = open();
        assert!(!stale.get());
        stale.set().await.unwrap();
        assert!(stale.get() && open().get());
        stale.clear().await.unwrap();
        stale.clear().await.unwrap();
        assert!(!stale.get() && !open().get());
        assert!(Stale::open(None).get());
    }
}
