//! Reads plain text: paragraphs are separated by blank lines.

use intramuros_types::BlockKind;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::encoding::decode;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Unsupported`] for binary data; the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    push_paragraphs(&decode(bytes, None)?, builder)
}

/// Reads the plain text within another format.
///
/// # Errors
/// Those of [`Builder::push`].
pub(crate) fn push_paragraphs(raw: &str, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let text = raw.replace("\r\n", "\n").replace('\r', "\n");
    let mut from = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            builder.push(BlockKind::Paragraph, &text[from..at])?;
            from = at + line.len();
        }
        at += line.len();
    }
    builder.push(BlockKind::Paragraph, &text[from..])
}

#[cfg(test)]
mod tests;
