//! Writes a ZIP into a channel.

use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

/// A piece that is given to the reader.
const PIECE_BYTES: usize = 64 << 10;
/// A reader who takes nothing for so long has left.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A ZIP on its way to a reader. For a blocking thread.
pub(super) struct Archive {
    zip: ZipWriter<StreamWriter<Pieces>>,
}

impl Archive {
    pub(super) fn new(sender: mpsc::Sender<io::Result<Bytes>>) -> Self {
        let pieces = Pieces { sender, runtime: Handle::current(), buffer: Vec::new() };
        Self { zip: ZipWriter::new_stream(pieces) }
    }

    /// Begins a file.
    pub(super) fn file(&mut self, name: &str) -> io::Result<&mut (dyn Write + '_)> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            // Its length is not known here.
            .large_file(true)
            .unix_permissions(0o600);
        self.zip.start_file(name, options).map_err(io::Error::other)?;
        Ok(&mut self.zip)
    }

    /// Writes a value as a file of JSON.
    pub(super) fn json(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        let file = self.file(name)?;
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    }

    /// Writes a list as a file of JSON; `next` gives its pages until there is none.
    pub(super) fn list<T: Serialize>(
        &mut self,
        name: &str,
        mut next: impl FnMut() -> io::Result<Option<Vec<T>>>,
    ) -> io::Result<()> {
        let file = self.file(name)?;
        let mut separator = "[\n";
        while let Some(page) = next()? {
            for one in page {
                file.write_all(separator.as_bytes())?;
                serde_json::to_writer(&mut *file, &one)?;
                separator = ",\n";
            }
        }
        let end = if separator == "[\n" { "[]\n" } else { "\n]\n" };
        file.write_all(end.as_bytes())
    }

    /// Writes the end; without it the archive is none.
    pub(super) fn finish(self) -> io::Result<()> {
        let stream = self.zip.finish().map_err(io::Error::other)?;
        stream.into_inner().flush()
    }
}

/// The bytes, in pieces.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    runtime: Handle,
    buffer: Vec<u8>,
}

impl Pieces {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        let sending = self.sender.send_timeout(Ok(piece), PATIENCE);
        self.runtime.block_on(sending).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    /// Small writes are gathered; the end is flushed once.
    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
