//! Writes the text of a message: a row with what its header says, then its body.

use std::fmt::Write as _;

use intramuros_types::BlockKind;
use mail_parser::{Addr, Address, DateTime, HeaderName};

use super::head::Head;
use super::mime::Text;
use crate::builder::Builder;
use crate::format::table::row_text;
use crate::format::{html, text};
use crate::{IngestError, language};

/// Recipients of a field that are shown; more are counted.
const MAX_RECIPIENTS: usize = 30;
/// A plain text is a stub when the HTML beside it has this many times its letters.
const STUB_RATIO: usize = 4;

/// How a language calls the fields of a header.
pub(super) struct Labels {
    fields: [&'static str; 6],
    months: [&'static str; 12],
    /// How the name of a file without a name begins.
    pub(super) file: &'static str,
}

const FRENCH: Labels = Labels {
    fields: ["De", "À", "Cc", "Date", "Objet", "Pièces jointes"],
    months: [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    file: "piece-jointe",
};

const ENGLISH: Labels = Labels {
    fields: ["From", "To", "Cc", "Date", "Subject", "Attachments"],
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    file: "attachment",
};

/// French for a French message and for one too short to tell, English for all others.
pub(super) fn labels(
    texts: &[Text],
    subject: &str,
    builder: &Builder<'_>,
) -> Result<&'static Labels, IngestError> {
    let mut sample = builder.scratch();
    push_texts(texts, &mut sample)?;
    let language = language::detect(sample.text()).or_else(|| language::detect(subject));
    Ok(if language.is_none_or(|code| code == "fr") { &FRENCH } else { &ENGLISH })
}

/// Writes who wrote to whom, when and about what, as one row, so that a question about two of
/// these finds them together.
///
/// # Errors
/// Those of [`Builder::push`].
pub(super) fn push_header(
    head: &Head,
    files: &[String],
    labels: &Labels,
    builder: &mut Builder<'_>,
) -> Result<(), IngestError> {
    let message = &head.message;
    let date = message.date().filter(|date| date.is_valid());
    let cells = [
        message.from().map(addresses).unwrap_or_default(),
        message.to().map(addresses).unwrap_or_default(),
        message.cc().map(addresses).unwrap_or_default(),
        date.map(|date| spoken(date, labels)).unwrap_or_default(),
        head.line(HeaderName::Subject).unwrap_or_default().to_owned(),
        files.join(", "),
    ];
    builder.push(BlockKind::TableRow, &row_text(&labels.fields.map(str::to_owned), &cells))
}

/// Writes the body.
///
/// # Errors
/// Those of [`Builder::push`] and of reading HTML.
pub(super) fn push_texts(texts: &[Text], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    for text in texts {
        if text.html {
            html::extract_page(&text.content, builder)?;
        } else {
            text::push_paragraphs(&text.content, builder)?;
        }
    }
    Ok(())
}

/// Whether the plain rendering of a text leaves most of it to the HTML one.
///
/// # Errors
/// [`IngestError::LimitExceeded`] once the time is over.
pub(super) fn is_stub(
    plain: &[Text],
    html: &[Text],
    builder: &Builder<'_>,
) -> Result<bool, IngestError> {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let plain: usize = plain.iter().map(|text| letters(&text.content)).sum();
    let mut sample = builder.scratch();
    // HTML that cannot be read is no reason to lose the plain text.
    let readable = push_texts(html, &mut sample).is_ok();
    builder.deadline.check()?;
    Ok(readable && letters(sample.text()) > plain * STUB_RATIO)
}

/// `Marie Durand <marie@exemple.fr>, …`.
fn addresses(address: &Address<'_>) -> String {
    let shown: Vec<String> =
        address.iter().take(MAX_RECIPIENTS).map(one_address).filter(|a| !a.is_empty()).collect();
    let mut out = shown.join(", ");
    let more = address.iter().skip(MAX_RECIPIENTS).count();
    if more > 0 {
        let _ = write!(out, ", … (+ {more})");
    }
    out
}

/// The first author of a message.
pub(super) fn author(head: &Head) -> Option<String> {
    head.message.from().and_then(Address::first).map(one_address)
}

fn one_address(address: &Addr<'_>) -> String {
    let name = address.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let place = address.address.as_deref().map(str::trim).filter(|place| !place.is_empty());
    match (name, place) {
        (Some(name), Some(place)) if name != place => format!("{name} <{place}>"),
        (name, place) => place.or(name).unwrap_or_default().to_owned(),
    }
}

/// `12 mars 2026, 10:32 (+01:00)`: in the time of whoever wrote it.
fn spoken(date: &DateTime, labels: &Labels) -> String {
    let month = labels.months.get(usize::from(date.month).wrapping_sub(1)).unwrap_or(&"");
    let sign = if date.tz_before_gmt { '-' } else { '+' };
    format!(
        "{} {month} {}, {:02}:{:02} ({sign}{:02}:{:02})",
        date.day, date.year, date.hour, date.minute, date.tz_hour, date.tz_minute
    )
}
