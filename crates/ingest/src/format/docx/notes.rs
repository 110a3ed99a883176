//! Reads the small parts of a DOCX: footnotes and endnotes.

use std::collections::HashMap;

use crate::IngestError;
use crate::builder::Builder;
use crate::format::xml::{Step, Xml, attribute};

/// Adds the notes of `source` to `notes`, by kind (`footnote`, `endnote`) and id.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(
    source: &str,
    builder: &Builder<'_>,
    notes: &mut HashMap<(String, String), String>,
) -> Result<(), IngestError> {
    let mut open: Option<((String, String), String)> = None;
    let mut in_text = false;
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(tag) => match tag.local_name().as_ref() {
                // Those with a type are the lines that separate notes from text.
                kind @ ("footnote" | "endnote") if attribute(&tag, "type").is_none() => {
                    let id = attribute(&tag, "id").unwrap_or_default();
                    open = Some(((kind.to_owned(), id), String::new()));
                }
                "t" => in_text = true,
                _ => {}
            },
            Step::Text(text) => {
                if in_text && let Some((_, note)) = &mut open {
                    note.push_str(&text);
                }
            }
            Step::Close(name) => match name.as_str() {
                "t" => in_text = false,
                "p" | "tab" | "br" => {
                    if let Some((_, note)) = &mut open {
                        note.push(' ');
                    }
                }
                "footnote" | "endnote" => notes.extend(open.take()),
                _ => {}
            },
        }
    }
    Ok(())
}
