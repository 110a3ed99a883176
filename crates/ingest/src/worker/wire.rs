//! Encodes what goes between the server and the process that reads.
//!
//! A request is a mark, the length of its head (`u32`, little-endian), the head as JSON, the file.
//! An answer is a mark, the length of the rest and of its head (`u64` each), the head in
//! `postcard`'s encoding, the embedded files one after the other. Files are not part of the heads,
//! so that they are copied and not encoded. `postcard` rather than JSON for the answer: a long
//! document has a million words with four coordinates each (measured by `examples/worker_cost.rs`).

use std::io::{self, Read, Write};

use intramuros_types::{ExtractedDocument, ReadWarning};
use serde::{Deserialize, Serialize};

use super::{Confinement, WorkerLimits};
use crate::{EmbeddedFile, ExtractConfig, Extraction, IngestError};

/// Begins a request.
const REQUEST_MARK: &[u8; 8] = b"im-read1";
/// Begins an answer.
pub(super) const ANSWER_MARK: &[u8; 8] = b"im-text1";
/// Bytes of an answer before its head: mark and two lengths.
const ANSWER_PREFIX: usize = 24;
/// A head is a name, a configuration and a few numbers.
const MAX_REQUEST_HEAD_BYTES: u32 = 1 << 20;

/// What is to be read, and within what.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestHead {
    /// The server's version: parts of one program, which an upgrade may have replaced.
    pub(super) version: String,
    /// The server's process.
    pub(super) parent: u32,
    /// The file's name.
    pub(super) file_name: String,
    /// How to read it.
    pub(super) config: ExtractConfig,
    /// Within what.
    pub(super) limits: WorkerLimits,
    /// Length of the file, which follows, in bytes.
    pub(super) bytes: u64,
}

/// What an answer begins with.
#[derive(Serialize, Deserialize)]
struct AnswerHead {
    confinement: Confinement,
    result: Result<Outline, IngestError>,
}

/// An extraction with the lengths of its files in place of their bytes.
#[derive(Serialize, Deserialize)]
struct Outline {
    document: Option<ExtractedDocument>,
    warnings: Vec<ReadWarning>,
    files: Vec<(String, u64)>,
}

impl RequestHead {
    /// The bytes that go before the file.
    ///
    /// # Errors
    /// A path of the configuration that is not Unicode.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let head = serde_json::to_vec(self)?;
        let mut out = REQUEST_MARK.to_vec();
        out.extend((head.len() as u32).to_le_bytes());
        out.extend(head);
        Ok(out)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// Of `input`, and for anything else that it holds.
    pub(super) fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut prefix = [0; 12];
        input.read_exact(&mut prefix)?;
        let (mark, length) = prefix.split_at(8);
        let length = u32::from_le_bytes(length.try_into().map_err(io::Error::other)?);
        if mark != REQUEST_MARK || length > MAX_REQUEST_HEAD_BYTES {
            return Err(io::Error::other("not a request"));
        }
        let mut head = vec![0; length as usize];
        input.read_exact(&mut head)?;
        let head: Self = serde_json::from_slice(&head)?;
        if head.version != env!("CARGO_PKG_VERSION") {
            return Err(io::Error::other("another version"));
        }
        Ok(head)
    }
}

/// Writes an answer.
///
/// # Errors
/// Of `output`.
pub(super) fn write_answer(
    answer: Result<Extraction, IngestError>,
    confinement: Confinement,
    output: &mut impl Write,
) -> io::Result<()> {
    let mut files = Vec::new();
    let result = answer.map(|extraction| {
        let Extraction { document, files: embedded, warnings } = extraction;
        let lengths = embedded.iter().map(|f| (f.name.clone(), f.bytes.len() as u64)).collect();
        files = embedded;
        Outline { document, warnings, files: lengths }
    });
    let head = AnswerHead { confinement, result };
    let head = postcard::to_stdvec(&head).map_err(io::Error::other)?;
    let embedded: u64 = files.iter().map(|file| file.bytes.len() as u64).sum();
    let length = 8 + head.len() as u64 + embedded;
    output.write_all(ANSWER_MARK)?;
    output.write_all(&length.to_le_bytes())?;
    output.write_all(&(head.len() as u64).to_le_bytes())?;
    output.write_all(&head)?;
    for file in files {
        output.write_all(&file.bytes)?;
    }
    output.flush()
}

/// How long the answer is that begins with `bytes`, all in all; `None` when that is not there yet.
///
/// # Errors
/// When no answer begins so.
pub(super) fn answer_length(bytes: &[u8]) -> Result<Option<u64>, Garbage> {
    let mark = &bytes[..bytes.len().min(ANSWER_MARK.len())];
    if !ANSWER_MARK.starts_with(mark) {
        return Err(Garbage);
    }
    let length = bytes.get(8..16).and_then(|length| length.try_into().ok());
    Ok(length.map(|length| u64::from_le_bytes(length).saturating_add(16)))
}

/// Takes a whole answer apart.
///
/// # Errors
/// When it is not what [`write_answer`] writes.
pub(super) fn read_answer(
    bytes: &[u8],
) -> Result<(Result<Extraction, IngestError>, Confinement), Garbage> {
    let head = bytes.get(16..ANSWER_PREFIX).and_then(|length| length.try_into().ok());
    let length = usize::try_from(u64::from_le_bytes(head.ok_or(Garbage)?)).map_err(|_| Garbage)?;
    let rest = bytes.get(ANSWER_PREFIX..).ok_or(Garbage)?;
    let (head, mut rest) = rest.split_at_checked(length).ok_or(Garbage)?;
    let AnswerHead { confinement, result } = postcard::from_bytes(head).map_err(|_| Garbage)?;
    let outline = match result {
        Ok(outline) => outline,
        Err(error) => return Ok((Err(error), confinement)),
    };
    let mut files = Vec::new();
    for (name, length) in &outline.files {
        let length = usize::try_from(*length).map_err(|_| Garbage)?;
        let (bytes, tail) = rest.split_at_checked(length).ok_or(Garbage)?;
        files.push(EmbeddedFile { name: name.clone(), bytes: bytes.to_vec() });
        rest = tail;
    }
    if !rest.is_empty() {
        return Err(Garbage);
    }
    let Outline { document, warnings, .. } = outline;
    Ok((Ok(Extraction { document, files, warnings }), confinement))
}

/// What came is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbage;

#[cfg(test)]
mod tests;
