//! Runs in the process that reads: gives up rights, reads one file, answers.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use super::confine;
use super::wire::{RequestHead, write_answer};
use crate::{ExtractConfig, Extraction, IngestError, extract};

/// Exit status of a process that could not be confined, and read nothing.
pub(super) const NOT_CONFINED: u8 = 71;
/// Exit status of a process that was not asked as it should be.
pub(super) const NOT_ASKED: u8 = 64;

/// Reads one request from `input`, the file in it, and writes the answer to `output`. The caller
/// returns the exit code from `main` and does nothing else: the process has given up its rights.
/// Must run before the process has other threads.
pub fn serve(input: impl Read, output: impl Write) -> ExitCode {
    serve_with(input, output, extract)
}

/// [`serve`] with another function in place of [`extract`], so that tests can misbehave in it.
pub fn serve_with(
    mut input: impl Read,
    mut output: impl Write,
    read: impl FnOnce(&[u8], &str, &ExtractConfig) -> Result<Extraction, IngestError>,
) -> ExitCode {
    // Before the request, so that a server that is killed now takes this process along.
    let Ok(mut confinement) = confine::from_the_start() else {
        return ExitCode::from(NOT_CONFINED);
    };
    let Ok(head) = RequestHead::read(&mut input) else { return ExitCode::from(NOT_ASKED) };
    if std::os::unix::process::parent_id() != head.parent {
        // It was killed before this process asked to be told.
        return ExitCode::from(NOT_ASKED);
    }
    if confine::within(&head.limits, head.config.ocr.as_ref(), &mut confinement).is_err() {
        return ExitCode::from(NOT_CONFINED);
    }
    let Ok(bytes) = file(&head, &mut input) else { return ExitCode::from(NOT_ASKED) };
    let answer = read(&bytes, &head.file_name, &head.config);
    match write_answer(answer, confinement, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(NOT_ASKED),
    }
}

/// The file, whole.
fn file(head: &RequestHead, input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(head.bytes).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != head.bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}
