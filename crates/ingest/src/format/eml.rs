//! Reads e-mails (EML) and mailboxes of them (MBOX).
//!
//! Source: RFC 5322 and MIME. The text is a row with what the header says, then the body: plain
//! text where there is some, else HTML. Quotations and signatures stay, quoted lines with their
//! `>`. Attachments are files of their own, and so is a message within the message.
//!
//! Images are left out, with a warning, where they are part of the layout: shown by the HTML and
//! smaller than 100 KiB, as logos and banners are and photographs and screenshots are not; or
//! smaller than 4 KiB, which no readable page is.

use std::collections::HashSet;

use intramuros_types::ReadWarning;
use mail_parser::HeaderName;
use mail_parser::mailbox::mbox::MessageIterator;

use crate::builder::Builder;
use crate::format::name::{Names, clean_name};
use crate::{EmbeddedFile, IngestError};

mod body;
mod head;
mod mime;
mod signature;

use head::Head;
use mime::{Attachment, Parts, Walker};

/// An image that HTML shows is layout below this size, in bytes.
const LAYOUT_IMAGE_BYTES: usize = 100 << 10;
/// An image is decoration below this size, in bytes.
const TINY_IMAGE_BYTES: usize = 4 << 10;
/// Extensions of files that come without a name.
const EXTENSIONS: [(&str, &str); 12] = [
    ("application/pdf", "pdf"),
    ("application/zip", "zip"),
    ("image/gif", "gif"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/tiff", "tif"),
    ("message/global", "eml"),
    ("message/rfc822", "eml"),
    ("text/calendar", "ics"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/plain", "txt"),
];

/// Reads `bytes` into `builder`.
///
/// # Errors
/// [`IngestError::Damaged`] where no e-mail begins, [`IngestError::Encrypted`] where nothing can
/// be read without a key, [`IngestError::LimitExceeded`] for the number of parts or messages, and
/// the limits of [`Builder::push`].
pub(crate) fn extract(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if !bytes.starts_with(b"From ") {
        return read_message(bytes, builder);
    }
    let messages = mailbox(bytes, builder)?;
    if let [only] = &messages[..] {
        return read_message(only, builder);
    }
    let mut names = Names::default();
    for bytes in messages {
        let name = names.distinct(message_name(&bytes));
        builder.files.push(EmbeddedFile { name, bytes });
    }
    Ok(())
}

/// The messages of a mailbox.
fn mailbox(bytes: &[u8], builder: &Builder<'_>) -> Result<Vec<Vec<u8>>, IngestError> {
    let mut messages = Vec::new();
    let limit = builder.limits.max_zip_entries;
    for message in MessageIterator::new(bytes) {
        builder.deadline.check()?;
        if messages.len() >= limit as usize {
            let (what, limit) = ("messages in the mailbox".into(), u64::from(limit));
            return Err(IngestError::LimitExceeded { what, limit });
        }
        messages.push(message.map_err(IngestError::damaged)?.unwrap_contents());
    }
    messages.retain(|message| !message.trim_ascii().is_empty());
    Ok(messages)
}

fn read_message(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), IngestError> {
    let (head, body) = Head::read(bytes, "text/plain")?;
    if !head.is_message() {
        return Err(IngestError::damaged("it does not begin with the header of an e-mail"));
    }
    let mut parts = Walker { builder, seen: 0 }.part(&head, body, 0)?;
    if parts.encrypted > 0 && parts.texts.is_empty() && parts.files.is_empty() {
        return Err(IngestError::Encrypted);
    }
    let subject = head.line(HeaderName::Subject).unwrap_or_default();
    let labels = body::labels(&parts.texts, subject, builder)?;
    let left_out = take_layout_images(&mut parts);
    let files = named(std::mem::take(&mut parts.files), labels.file);
    let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    body::push_header(&head, &names, labels, builder)?;
    body::push_texts(&parts.texts, builder)?;
    builder.files = files;
    builder.title = Some(subject.to_owned());
    builder.author = body::author(&head);
    let date = head.message.date().filter(|date| date.is_valid());
    builder.created = date.map(mail_parser::DateTime::to_rfc3339);
    warn(&parts, left_out, builder);
    Ok(())
}

/// Removes the images that belong to the layout, and counts them.
fn take_layout_images(parts: &mut Parts) -> usize {
    let shown: HashSet<String> = parts.pages.iter().flat_map(|page| content_ids(page)).collect();
    let before = parts.files.len();
    parts.files.retain(|file| {
        let by_page = file.content_id.as_deref().is_some_and(|id| shown.contains(id.trim()));
        let limit = if by_page { LAYOUT_IMAGE_BYTES } else { TINY_IMAGE_BYTES };
        !file.kind.starts_with("image/") || file.bytes.len() >= limit
    });
    before - parts.files.len()
}

/// What HTML refers to as `cid:…`. Source: RFC 2392.
fn content_ids(page: &str) -> impl Iterator<Item = String> + '_ {
    page.split("cid:").skip(1).map(|rest| {
        let end = rest.find(['"', '\'', '>', ')', ' ', '&']).unwrap_or(rest.len());
        rest[..end].to_owned()
    })
}

/// Gives each attachment a name of its own; `stem` is that of files without a name.
fn named(attachments: Vec<Attachment>, stem: &str) -> Vec<EmbeddedFile> {
    let mut names = Names::default();
    let name = |(at, file): (usize, Attachment)| {
        let given = file.name.as_deref().and_then(clean_name);
        let extension = EXTENSIONS.iter().find(|(kind, _)| *kind == file.kind);
        let is_message = extension.is_some_and(|(_, extension)| *extension == "eml");
        let name = match given {
            Some(name) if is_message && !name.to_lowercase().ends_with(".eml") => {
                format!("{name}.eml")
            }
            Some(name) => name,
            None if is_message => message_name(&file.bytes),
            None => format!("{stem}-{}.{}", at + 1, extension.map_or("bin", |(_, e)| e)),
        };
        EmbeddedFile { name: names.distinct(name), bytes: file.bytes }
    };
    attachments.into_iter().enumerate().map(name).collect()
}

/// Calls a message by its subject.
fn message_name(bytes: &[u8]) -> String {
    let head = Head::read(bytes, "text/plain").ok();
    let subject = head.as_ref().and_then(|(head, _)| head.line(HeaderName::Subject));
    let stem = clean_name(&subject.unwrap_or_default().replace(['/', '\\'], "-"))
        .unwrap_or_else(|| "message".to_owned());
    format!("{stem}.eml")
}

/// Says what of the message was not read.
fn warn(parts: &Parts, images: usize, builder: &mut Builder<'_>) {
    let mut warn = |count: u64, code: &str, text: String| {
        if count > 0 {
            builder.warnings.push(ReadWarning { code: code.to_owned(), text, page: None });
        }
    };
    warn(
        images as u64,
        "mail_layout_images",
        format!("images left out because they belong to the layout: {images}"),
    );
    warn(
        parts.encrypted.into(),
        "mail_encrypted_part",
        format!("parts left out because they are encrypted: {}", parts.encrypted),
    );
    warn(
        parts.tnef.into(),
        "mail_winmail_dat",
        "attachments in winmail.dat left out: a format of Outlook alone; ask the sender for \
         HTML or plain text"
            .to_owned(),
    );
    warn(
        parts.broken.into(),
        "mail_broken_encoding",
        format!("parts read as far as their broken encoding allows: {}", parts.broken),
    );
    warn(
        parts.too_deep.into(),
        "mail_nested_too_deep",
        format!("parts left out because they are nested too deep: {}", parts.too_deep),
    );
}

#[cfg(test)]
mod tests;
