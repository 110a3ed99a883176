//! Reads who wrote a document and when, from the metadata of office documents.

use crate::IngestError;
use crate::builder::Builder;
use crate::format::xml::{Step, Xml};

/// The longest value that is kept, in bytes.
const MAX_VALUE_BYTES: usize = 2_000;

/// Reads `docProps/core.xml` of Office Open XML or `meta.xml` of OpenDocument.
/// Source: ECMA-376 part 2, 11; OpenDocument 1.3 part 3, 4.3.
///
/// # Errors
/// Those of [`Xml::next`].
pub(crate) fn read_office(source: &str, builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let mut xml = Xml::new(source, builder);
    let mut field = String::new();
    let mut value = String::new();
    // OpenDocument calls the last editor `creator` and the first author `initial-creator`.
    let mut first_author = None;
    while let Some(step) = xml.next()? {
        match step {
            Step::Open(tag) => {
                field = tag.local_name().as_ref().to_owned();
                value.clear();
            }
            Step::Text(text) if value.len() + text.len() <= MAX_VALUE_BYTES => {
                value.push_str(&text);
            }
            Step::Text(_) => {}
            Step::Close(name) => {
                if name != field || value.trim().is_empty() {
                    continue;
                }
                let found = Some(value.trim().to_owned());
                match name.as_str() {
                    "title" => builder.title = found.filter(|title| !is_default(title)),
                    "creator" => builder.author = found,
                    "initial-creator" => first_author = found,
                    "created" | "creation-date" => builder.created = date(&value),
                    "modified" | "date" => builder.modified = date(&value),
                    "language" => builder.declared_language = found,
                    _ => {}
                }
                value.clear();
            }
        }
    }
    builder.author = first_author.or_else(|| builder.author.take());
    Ok(())
}

/// Whether a title is what PowerPoint writes when the author gave none.
fn is_default(title: &str) -> bool {
    matches!(title, "PowerPoint Presentation" | "Présentation PowerPoint")
}

/// `text` as `YYYY-MM-DD`, or RFC 3339 where it has a time with its offset; `None` for anything
/// that does not begin with such a date. A time without an offset is nobody's, so it is left out.
pub(crate) fn date(text: &str) -> Option<String> {
    let text = text.trim();
    let day = text.get(..10)?;
    if !matches(day, "dddd-dd-dd") {
        return None;
    }
    let number = |from: usize, to: usize| day[from..to].parse::<u32>().unwrap_or(0);
    if !(1..=12).contains(&number(5, 7)) || !(1..=31).contains(&number(8, 10)) {
        return None;
    }
    let rest = &text[10..];
    let time = rest.get(..9).filter(|time| matches(time, "Tdd:dd:dd"));
    let Some(time) = time else { return Some(day.to_owned()) };
    let offset = rest[9..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    match offset {
        "Z" => Some(format!("{day}{time}Z")),
        _ if matches(offset, "+dd:dd") || matches(offset, "-dd:dd") => {
            Some(format!("{day}{time}{offset}"))
        }
        _ => Some(day.to_owned()),
    }
}

/// Whether `text` is `pattern`, in which `d` stands for a figure.
fn matches(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(found, wanted)| match wanted {
            b'd' => found.is_ascii_digit(),
            _ => found == wanted,
        })
}

#[cfg(test)]
mod tests;
