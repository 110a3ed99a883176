//! Reads a document of any supported format.

use std::panic::{AssertUnwindSafe, catch_unwind};

use intramuros_types::DocumentFormat;

use crate::builder::Builder;
use crate::{ExtractConfig, Extraction, IngestError, detect, format};

/// Reads `bytes`, uploaded as `file_name`, into text with structure and positions, and the files
/// that it holds.
///
/// Every format fills the same builder, so what holds for one document (cleaned text, ordered
/// blocks, spans in characters) holds for all.
///
/// # Errors
/// Those of [`detect`], and
/// - [`IngestError::TooLarge`]: more than `limits.max_bytes`;
/// - [`IngestError::Empty`]: nothing but white space;
/// - [`IngestError::NoText`]: images of pages, and no recognition, or no text on them;
/// - [`IngestError::Recognition`]: images of pages, and the recognition failed;
/// - [`IngestError::Encrypted`]: a password is needed;
/// - [`IngestError::LimitExceeded`]: another of the `limits`;
/// - [`IngestError::Damaged`]: it cannot be parsed, or the parser panicked on it.
pub fn extract(
    bytes: &[u8],
    file_name: &str,
    config: &ExtractConfig,
) -> Result<Extraction, IngestError> {
    let size = bytes.len() as u64;
    let limit = config.limits.max_bytes;
    if size > limit {
        return Err(IngestError::TooLarge { bytes: size, limit });
    }
    // The parsers are third-party code on hostile input; their state is dropped with the panic.
    catch_unwind(AssertUnwindSafe(|| read(bytes, file_name, config)))
        .unwrap_or_else(|_| Err(IngestError::damaged("its parser gave up")))
}

fn read(bytes: &[u8], file_name: &str, config: &ExtractConfig) -> Result<Extraction, IngestError> {
    let format = detect(bytes, file_name)?;
    let mut builder = Builder::new(config);
    match format {
        DocumentFormat::Text => format::text::extract(bytes, &mut builder)?,
        DocumentFormat::Markdown => format::markdown::extract(bytes, &mut builder)?,
        DocumentFormat::Html => format::html::extract(bytes, &mut builder)?,
        DocumentFormat::Pdf => format::pdf::extract(bytes, &mut builder)?,
        DocumentFormat::Docx => format::docx::extract(bytes, &mut builder)?,
        DocumentFormat::Odt => format::odt::extract(bytes, &mut builder)?,
        DocumentFormat::Xlsx => format::xlsx::extract(bytes, &mut builder)?,
        DocumentFormat::Ods => format::ods::extract(bytes, &mut builder)?,
        DocumentFormat::Csv => format::csv::extract(bytes, &mut builder)?,
        DocumentFormat::Pptx => format::pptx::extract(bytes, &mut builder)?,
        DocumentFormat::Odp => format::odp::extract(bytes, &mut builder)?,
        DocumentFormat::Eml => format::eml::extract(bytes, &mut builder)?,
        DocumentFormat::Zip => format::archive::extract(bytes, &mut builder)?,
        DocumentFormat::Image => format::image::extract(bytes, &mut builder)?,
    }
    builder.finish(format, file_name)
}

#[cfg(test)]
pub(crate) mod tests;
