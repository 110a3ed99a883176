//! Reads PDF: text page by page in reading order, with headings, lists and tables where the
//! typography shows them.
//!
//! Source: ISO 32000-1, parsed by `pdf_oxide`. A PDF has no paragraphs, only runs of characters at
//! places; what this module adds is the way back: runs become rows (`row`), rows are put in reading
//! order (`column`), lines that frame every page go (`furniture`), rows become blocks (`assemble`).

use pdf_oxide::document::PdfDocument;
use pdf_oxide::error::Error;
use pdf_oxide::object::Object;
use pdf_oxide::optional_content::decode_pdf_text_string;

use crate::IngestError;
use crate::builder::Builder;

mod assemble;
mod column;
mod furniture;
mod pages;
mod row;
mod table;
mod typography;

use row::Row;

/// Fewer letters and figures than this in the whole document are no text: stamps on a scan.
const MIN_TEXT_CHARS: usize = 3;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Damaged`] for a broken file or page, [`IngestError::Encrypted`],
/// [`IngestError::NoText`] for a scan, [`IngestError::LimitExceeded`] for the number of pages and
/// the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let document = PdfDocument::from_bytes(bytes.to_vec()).map_err(|error| convert(&error))?;
    // Many files are encrypted with the empty password, which opens them for everybody.
    if document.is_encrypted() && !document.authenticate(b"").map_err(|_| IngestError::Encrypted)? {
        return Err(IngestError::Encrypted);
    }
    pages::check(&document, builder.limits)?;
    let count = document.page_count().map_err(|error| convert(&error))?;
    let max = builder.limits.max_pages;
    if count > max as usize {
        return Err(IngestError::LimitExceeded { what: "pages".into(), limit: u64::from(max) });
    }
    let mut pages: Vec<Vec<Row>> = Vec::with_capacity(count);
    let mut chars = 0;
    for page in 0..count {
        builder.deadline.check()?;
        let rows = read_page(&document, page)?;
        chars += rows.iter().map(Row::chars).sum::<usize>();
        if chars as u64 > builder.limits.max_text_chars {
            let limit = builder.limits.max_text_chars;
            return Err(IngestError::LimitExceeded { what: "characters".into(), limit });
        }
        pages.push(rows);
    }
    if chars < MIN_TEXT_CHARS {
        return Err(IngestError::NoText { pages: count as u32 });
    }
    builder.title = title(&document);
    builder.pages = Some(count as u32);
    furniture::remove(&mut pages);
    assemble::push(&pages, builder)
}

/// The rows of a page in reading order.
fn read_page(document: &PdfDocument, page: usize) -> Result<Vec<Row>, IngestError> {
    let spans = document.extract_spans(page).map_err(|error| {
        if matches!(error, Error::EncryptedPdf) {
            return IngestError::Encrypted;
        }
        IngestError::damaged(format!("page {}: {error}", page + 1))
    })?;
    let (rows, turned) = row::rows(spans);
    let mut rows = column::order(rows);
    rows.extend(turned);
    Ok(rows)
}

fn convert(error: &Error) -> IngestError {
    if matches!(error, Error::EncryptedPdf) {
        IngestError::Encrypted
    } else {
        IngestError::damaged(error)
    }
}

/// The title in the document's information dictionary, unless a program put a file name there.
/// Source: ISO 32000-1, 14.3.3.
fn title(document: &PdfDocument) -> Option<String> {
    let info = document.resolve_object(document.trailer().as_dict()?.get("Info")?).ok()?;
    let title = document.resolve_object(info.as_dict()?.get("Title")?).ok()?;
    let Object::String(bytes) = title else { return None };
    let title = decode_pdf_text_string(&bytes);
    let title = title.trim();
    let title = title.strip_prefix("Microsoft Word - ").unwrap_or(title).trim();
    let lower = title.to_lowercase();
    let generated = ["untitled", "sans titre", "document", "(anonymous)", "unspecified", "print"];
    let is_file =
        [".doc", ".docx", ".odt", ".indd", ".pdf", ".xls", ".xlsx", ".tex", ".dvi", ".qxp"]
            .iter()
            .any(|extension| lower.ends_with(extension));
    let is_generated = generated
        .iter()
        .any(|name| lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ') == *name);
    (!title.is_empty() && !is_file && !is_generated).then(|| title.to_owned())
}

#[cfg(test)]
mod tests;
