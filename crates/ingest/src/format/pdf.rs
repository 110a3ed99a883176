//! Reads PDF: text page by page in reading order, with headings, lists and tables where the
//! typography shows them.
//!
//! Source: ISO 32000-1, parsed by `pdf_oxide`. A PDF has no paragraphs, only runs of characters at
//! places; what this module adds is the way back: runs are set upright (`frame`) and become rows
//! (`row`), rows are put in reading order (`column`), lines that frame every page go (`furniture`),
//! rows become blocks (`assemble`). Pages that are images are drawn (`render`) and recognised
//! (`scan`); what comes out of that are runs again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_oxide::document::PdfDocument;
use pdf_oxide::error::Error;
use pdf_oxide::object::Object;

use crate::IngestError;
use crate::builder::Builder;

mod assemble;
mod column;
mod frame;
mod furniture;
mod gather;
pub(super) mod layout;
mod meta;
mod pages;
pub(super) mod recognised;
mod render;
mod row;
mod scan;
mod table;
mod typography;

use frame::Frame;
use layout::Pages;
use row::Run;
use scan::{Layer, Scans};

/// Fewer letters and figures than this in the whole document are no text: stamps on a scan.
const MIN_TEXT_CHARS: u64 = 3;

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Damaged`] for a broken file or when all pages are broken,
/// [`IngestError::Encrypted`], [`IngestError::NoText`] for a scan without recognition,
/// [`IngestError::Recognition`] when that fails, [`IngestError::LimitExceeded`] for the number of
/// pages and the limits of [`Builder::push`].
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
    let mut pages = Pages::default();
    let mut scans = Scans::new(bytes);
    let mut damage: Option<IngestError> = None;
    let mut readable = 0;
    for page in 0..count {
        builder.deadline.check()?;
        let mut recognised = false;
        let runs = match read_page(&document, page, builder.ocr.is_some()) {
            Ok((runs, Layer::Good | Layer::Blank)) => Some(runs),
            Ok((runs, Layer::Missing { dpi })) => {
                // Where recognition finds less than a stamp says, the stamp is what there is.
                let found = scans.read(page, dpi, builder)?;
                let found = found.filter(|found| chars(found) >= chars(&runs));
                recognised = found.is_some();
                Some(found.unwrap_or(runs))
            }
            Err(IngestError::Encrypted) => return Err(IngestError::Encrypted),
            Err(error) => {
                builder.warnings.push(scan::unreadable(page as u32 + 1, &error.to_string()));
                damage = Some(error);
                None
            }
        };
        readable += usize::from(runs.is_some());
        pages.push(runs.unwrap_or_default(), recognised, builder)?;
    }
    if readable == 0
        && let Some(error) = damage
    {
        return Err(error);
    }
    if pages.chars() < MIN_TEXT_CHARS {
        return Err(match (scans.failure, damage) {
            (Some(reason), _) => IngestError::Recognition { reason },
            (None, Some(error)) => error,
            (None, None) => IngestError::NoText { pages: count as u32 },
        });
    }
    meta::read(&document, builder);
    pages.finish(builder)
}

/// The runs of a page's text layer, and what they are worth. The parser is third-party code on
/// hostile input: a panic costs the page, not the document.
fn read_page(
    document: &PdfDocument,
    page: usize,
    recognises: bool,
) -> Result<(Vec<Run>, Layer), IngestError> {
    let read = || {
        let mut spans = document.extract_spans(page).map_err(|error| convert(&error))?;
        if spans.is_empty() {
            // The parser takes a page whose content is missing or cannot be decompressed for an
            // empty one.
            check_content(document, page)?;
        }
        if scan::is_garbage(&spans, recognises) {
            spans.clear();
        }
        let frame = Frame::of(document, page);
        let layer = scan::layer(document, page, frame.as_ref(), &spans);
        Ok((Frame::runs(frame.as_ref(), spans), layer))
    };
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(IngestError::damaged("its parser gave up")))
}

/// # Errors
/// [`IngestError::Damaged`] when the content of a page is not there.
fn check_content(document: &PdfDocument, page: usize) -> Result<(), IngestError> {
    let data = document.get_page_content_data(page).map_err(|error| convert(&error))?;
    let dictionary = document.get_page(page).map_err(|error| convert(&error))?;
    let Some(contents) = dictionary.as_dict().and_then(|page| page.get("Contents")) else {
        return Ok(());
    };
    let stream = |object: &Object| match document.resolve_object(object) {
        Ok(Object::Stream { data, .. }) => Some(!data.is_empty()),
        _ => None,
    };
    let streams: Vec<Option<bool>> = match document.resolve_object(contents) {
        Ok(Object::Array(parts)) => parts.iter().map(stream).collect(),
        _ => vec![stream(contents)],
    };
    let missing = streams.iter().any(Option::is_none);
    let lost = data.is_empty() && streams.contains(&Some(true));
    if missing || lost {
        return Err(IngestError::damaged("its content cannot be read"));
    }
    Ok(())
}

fn chars(runs: &[Run]) -> usize {
    let text = runs.iter().flat_map(|run| run.text.chars());
    text.filter(|c| c.is_alphanumeric()).count()
}

fn convert(error: &Error) -> IngestError {
    if matches!(error, Error::EncryptedPdf) {
        IngestError::Encrypted
    } else {
        IngestError::damaged(error)
    }
}

#[cfg(test)]
mod tests;
