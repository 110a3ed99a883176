//! Reads what a document says about itself: title, author, dates, language.
//!
//! Source: ISO 32000-1, 14.3: an information dictionary, and a stream of XMP (ISO 16684-1) that
//! repeats it. The dictionary comes first; XMP says what it leaves out.

use pdf_oxide::document::PdfDocument;
use pdf_oxide::object::Object;
use pdf_oxide::optional_content::decode_pdf_text_string;
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

use crate::builder::Builder;

/// The longest XMP that is looked at, in bytes. Longer ones hold pictures.
const MAX_XMP: usize = 1 << 20;

/// Fills the fields of `builder`.
pub(super) fn read(document: &PdfDocument, builder: &mut Builder<'_>) {
    let info = Info::of(document);
    let catalog = document.catalog().ok();
    let catalog = catalog.as_ref().and_then(Object::as_dict);
    let xmp = catalog
        .and_then(|catalog| document.resolve_object(catalog.get("Metadata")?).ok())
        .and_then(|stream| stream.decode_stream_data().ok())
        .map(|bytes| Xmp::of(&String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_XMP)])))
        .unwrap_or_default();
    builder.title = info.text("Title").or(xmp.title).and_then(|title| real_title(&title));
    builder.author = info.text("Author").or(xmp.author);
    builder.created = info.text("CreationDate").and_then(|date| from_pdf(&date)).or(xmp.created);
    builder.modified = info.text("ModDate").and_then(|date| from_pdf(&date)).or(xmp.modified);
    let language = catalog.and_then(|catalog| document.resolve_object(catalog.get("Lang")?).ok());
    builder.declared_language = match language {
        Some(Object::String(bytes)) => Some(decode_pdf_text_string(&bytes)),
        _ => xmp.language,
    };
}

/// The information dictionary.
struct Info<'d> {
    document: &'d PdfDocument,
    dictionary: Option<Object>,
}

impl<'d> Info<'d> {
    fn of(document: &'d PdfDocument) -> Self {
        let trailer = document.trailer().as_dict();
        let dictionary =
            trailer.and_then(|trailer| document.resolve_object(trailer.get("Info")?).ok());
        Self { document, dictionary }
    }

    /// An entry that is not blank.
    fn text(&self, key: &str) -> Option<String> {
        let entry = self.dictionary.as_ref()?.as_dict()?.get(key)?;
        let Ok(Object::String(bytes)) = self.document.resolve_object(entry) else { return None };
        Some(decode_pdf_text_string(&bytes)).filter(|text| !text.trim().is_empty())
    }
}

/// The title, unless a program put a file name there.
fn real_title(title: &str) -> Option<String> {
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

/// A date as `D:20260324105200+01'00'` in RFC 3339, or the day alone when the zone is not given.
/// Source: ISO 32000-1, 7.9.4.
fn from_pdf(date: &str) -> Option<String> {
    let date = date.trim();
    let date = date.strip_prefix("D:").unwrap_or(date);
    let digits = date.bytes().take_while(u8::is_ascii_digit).count();
    let (moment, zone) = date.split_at(digits);
    let part = |from: usize, to: usize| moment.get(from..to);
    let day =
        format!("{}-{}-{}", part(0, 4)?, part(4, 6).unwrap_or("01"), part(6, 8).unwrap_or("01"));
    let zone: String = zone.trim().trim_end_matches('\'').replace('\'', ":");
    match (part(8, 10), part(10, 12), part(12, 14)) {
        (Some(hour), Some(minute), second) => {
            let second = second.unwrap_or("00");
            from_iso(&format!("{day}T{hour}:{minute}:{second}{zone}"))
        }
        _ => from_iso(&day),
    }
}

/// A date of ISO 8601 in RFC 3339, or the day alone when the time or its zone is not given.
fn from_iso(date: &str) -> Option<String> {
    let date = date.trim();
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = date.get(from..to)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let shape = |at: usize, c: u8| date.as_bytes().get(at) == Some(&c);
    let sound = shape(4, b'-')
        && shape(7, b'-')
        && number(0, 4)? > 0
        && (1..=12).contains(&number(5, 7)?)
        && (1..=31).contains(&number(8, 10)?);
    let day = date.get(..10).filter(|_| sound)?;
    let time = || {
        let sound = shape(10, b'T')
            && number(11, 13)? < 24
            && shape(13, b':')
            && number(14, 16)? < 60
            && shape(16, b':')
            && number(17, 19)? <= 60;
        let zone = zone(date.get(19..).filter(|_| sound)?)?;
        Some(format!("{}{zone}", &date[..19]))
    };
    Some(time().unwrap_or_else(|| day.to_owned()))
}

/// A zone as `Z` or `+01:00`; fractions of seconds before it are dropped.
fn zone(text: &str) -> Option<String> {
    let text = match text.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => text,
    };
    if text.starts_with('Z') {
        return Some("Z".to_owned());
    }
    let (sign, digits) = (text.get(..1)?, text.get(1..)?.replace(':', ""));
    let sound = matches!(sign, "+" | "-")
        && matches!(digits.len(), 2 | 4)
        && digits.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| sound)?;
    Some(format!("{sign}{hours}:{}", if minutes.is_empty() { "00" } else { minutes }))
}

/// What XMP says.
#[derive(Default)]
struct Xmp {
    title: Option<String>,
    author: Option<String>,
    created: Option<String>,
    modified: Option<String>,
    language: Option<String>,
}

impl Xmp {
    /// Reads up to the first damage. Properties are elements or attributes.
    fn of(source: &str) -> Self {
        let mut xmp = Self::default();
        let mut reader = Reader::from_str(source);
        reader.config_mut().check_end_names = false;
        let mut property = String::new();
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(tag) | Event::Empty(tag) => {
                    for attribute in tag.attributes().with_checks(false).flatten() {
                        if let Ok(value) = attribute.normalized_value(XmlVersion::Explicit1_0) {
                            xmp.set(attribute.key.as_ref(), &value);
                        }
                    }
                    let name = tag.name().as_ref().to_owned();
                    // The containers of lists do not end the property that they are the value of.
                    if !name.starts_with("rdf:") {
                        property = name;
                    }
                }
                Event::Text(text) => xmp.set(&property, &text.xml10_content()),
                Event::Eof => break,
                Event::End(_)
                | Event::GeneralRef(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
        xmp
    }

    /// Takes the first value of each property.
    fn set(&mut self, property: &str, value: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        let (field, value) = match property {
            "dc:title" => (&mut self.title, Some(value.to_owned())),
            "dc:creator" => (&mut self.author, Some(value.to_owned())),
            "dc:language" => (&mut self.language, Some(value.to_owned())),
            "xmp:CreateDate" | "xap:CreateDate" => (&mut self.created, from_iso(value)),
            "xmp:ModifyDate" | "xap:ModifyDate" => (&mut self.modified, from_iso(value)),
            _ => return,
        };
        if field.is_none() {
            *field = value;
        }
    }
}

#[cfg(test)]
mod tests;
