//! Checks the promises of an extraction that came from a process which may have been taken over.

use intramuros_types::{ExtractedDocument, Span};

use crate::Extraction;

/// Whether all positions lie within the text and in order, so that nobody who follows them can
/// fail. What the text says is not judged.
pub(super) fn is_sound(extraction: &Extraction) -> bool {
    match &extraction.document {
        Some(document) => is_sound_document(document),
        None => !extraction.files.is_empty(),
    }
}

fn is_sound_document(document: &ExtractedDocument) -> bool {
    let Ok(chars) = u32::try_from(document.text.chars().count()) else { return false };
    let pages = document.pages;
    let on_a_page = |page: u32| page >= 1 && pages.is_none_or(|pages| page <= pages);
    are_in_order(document.blocks.iter().map(|block| block.span), chars)
        && are_in_order(document.words.iter().map(|word| word.span), chars)
        && document.blocks.iter().all(|block| block.page.is_none_or(on_a_page))
        && document.words.iter().all(|word| on_a_page(word.place.page))
        && !document.blocks.is_empty()
}

/// Whether spans follow each other within a text of this many characters, none of them empty.
fn are_in_order(mut spans: impl Iterator<Item = Span>, chars: u32) -> bool {
    let mut end = 0;
    spans.all(|span| {
        let fits = end <= span.start && span.start < span.end && span.end <= chars;
        end = span.end;
        fits
    })
}

#[cfg(test)]
mod tests;
