//! Exports what is known of somebody, as a ZIP that is written as fast as it is read.
//!
//! A thread writes the archive piece by piece into a channel of few places; it ends when all is
//! written, when the reader leaves, or when the reader takes nothing for a minute. An archive that
//! could not be written whole ends with an error, never as if it were whole.

mod archive;
mod conversations;
mod person;
mod user;

use std::io;

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;

use crate::data_life::MAX_EXPORTS;
use crate::{DataLife, DataLifeError};
use archive::Archive;

/// Pieces that wait for the reader.
const PIECES: usize = 8;

/// An export on its way.
#[derive(Debug)]
pub struct Export {
    /// What to call it.
    pub file_name: String,
    pieces: mpsc::Receiver<io::Result<Bytes>>,
}

impl Export {
    /// The bytes of the archive.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let mut pieces = self.pieces;
        futures::stream::poll_fn(move |context| pieces.poll_recv(context))
    }
}

impl DataLife {
    /// Starts to write an archive with `write`.
    fn export(
        &self,
        file_name: String,
        write: impl FnOnce(&DataLife, &mut Archive) -> Result<(), io::Error> + Send + 'static,
    ) -> Result<Export, DataLifeError> {
        let place = self.shared.exports.clone().try_acquire_owned();
        let place = place.map_err(|_| DataLifeError::Busy { running: MAX_EXPORTS })?;
        let (sender, pieces) = mpsc::channel(PIECES);
        let data_life = self.clone();
        tokio::task::spawn_blocking(move || {
            let _place = place;
            let mut archive = Archive::new(sender.clone());
            let written = write(&data_life, &mut archive).and_then(|()| archive.finish());
            if let Err(error) = written {
                tracing::warn!(%error, "an export was not written to its end");
                // Fails when the reader has left.
                let telling = sender.send_timeout(Err(error), archive::PATIENCE);
                let _ = tokio::runtime::Handle::current().block_on(telling);
            }
        });
        Ok(Export { file_name, pieces })
    }
}
