//! Reads the texts that the cells of a workbook share.

use crate::IngestError;
use crate::builder::Builder;
use crate::format::xml::{Step, Xml};

/// Texts within a sheet that are looked at to tell the language, in bytes.
const SAMPLE_BYTES: usize = 6_000;

/// Reads `xl/sharedStrings.xml`: each text with its differently formatted runs joined, without
/// the readings of East Asian characters.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn read(source: &str, builder: &Builder<'_>) -> Result<Vec<String>, IngestError> {
    let mut strings = Vec::new();
    let mut text = String::new();
    let (mut in_text, mut in_reading) = (false, false);
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(tag) => match tag.local_name().as_ref() {
                "si" => text.clear(),
                "t" => in_text = true,
                "rPh" => in_reading = true,
                _ => {}
            },
            Step::Text(piece) => {
                if in_text && !in_reading {
                    text.push_str(&piece);
                }
            }
            Step::Close(name) => match name.as_str() {
                "si" => strings.push(std::mem::take(&mut text)),
                "t" => in_text = false,
                "rPh" => in_reading = false,
                _ => {}
            },
        }
    }
    Ok(strings)
}

/// The first texts that stand in the cells of a sheet, to tell the language by.
///
/// # Errors
/// Those of [`Xml::next`].
pub(super) fn texts_within(source: &str, builder: &Builder<'_>) -> Result<String, IngestError> {
    let mut texts = String::new();
    let mut in_text = false;
    let mut xml = Xml::new(source, builder);
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(tag) => in_text = tag.local_name().as_ref() == "t",
            Step::Text(text) if in_text => {
                texts.push_str(&text);
                texts.push('\n');
                if texts.len() > SAMPLE_BYTES {
                    break;
                }
            }
            Step::Text(_) => {}
            Step::Close(_) => in_text = false,
        }
    }
    Ok(texts)
}
