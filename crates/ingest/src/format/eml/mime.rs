//! Takes a message apart: text to show, files to hand on.
//!
//! Source: RFC 2045 to 2049 (MIME), RFC 1847 (signed and encrypted). `mail-parser` reads headers
//! and decodes bodies. The tree is walked here, because that library puts no bound on it: parts
//! nested a hundred thousand deep overflow the stack when its tree is dropped, and boundaries that
//! never come make it look through the rest of the file for each of them.

use crate::IngestError;
use crate::builder::Builder;

use super::head::Head;
use super::signature::{self, Envelope};

/// How deep parts may be nested. Mail programs need five levels.
const MAX_DEPTH: u32 = 30;

/// A stretch of the message's text.
pub(super) struct Text {
    /// Whether it is HTML.
    pub(super) html: bool,
    /// Its characters.
    pub(super) content: String,
}

/// A file within the message.
pub(super) struct Attachment {
    /// Its name as it was given.
    pub(super) name: Option<String>,
    /// Its media type in lower case, such as `application/pdf`.
    pub(super) kind: String,
    /// How HTML refers to it.
    pub(super) content_id: Option<String>,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

/// What a message, or a part of one, holds.
#[derive(Default)]
pub(super) struct Parts {
    /// Texts in reading order.
    pub(super) texts: Vec<Text>,
    /// Files in order.
    pub(super) files: Vec<Attachment>,
    /// All HTML of the message, also what is not shown because it repeats plain text: it says
    /// which images belong to the layout.
    pub(super) pages: Vec<String>,
    /// Parts that are encrypted.
    pub(super) encrypted: u32,
    /// Parts in a format of Outlook alone, `winmail.dat`.
    pub(super) tnef: u32,
    /// Parts whose encoding is broken, of which what could be decoded was read.
    pub(super) broken: u32,
    /// Parts nested too deep to be read.
    pub(super) too_deep: u32,
}

/// Walks the parts of a message.
pub(super) struct Walker<'w, 'l> {
    /// For its limits and its deadline.
    pub(super) builder: &'w Builder<'l>,
    /// How many parts were seen.
    pub(super) seen: u32,
}

impl Walker<'_, '_> {
    /// Reads a part with this head and body.
    ///
    /// # Errors
    /// [`IngestError::LimitExceeded`] for the number of parts or the time.
    pub(super) fn part(
        &mut self,
        head: &Head,
        body: &[u8],
        depth: u32,
    ) -> Result<Parts, IngestError> {
        self.count()?;
        if depth > MAX_DEPTH {
            return Ok(Parts { too_deep: 1, ..Parts::default() });
        }
        match (head.kind.as_str(), &head.boundary) {
            ("multipart/encrypted", _) => Ok(Parts { encrypted: 1, ..Parts::default() }),
            (kind, Some(boundary)) if kind.starts_with("multipart/") => {
                self.multipart(kind, boundary, body, depth)
            }
            ("application/pkcs7-mime" | "application/x-pkcs7-mime", _) => {
                self.envelope(head, body, depth)
            }
            _ => Ok(leaf(head, body)),
        }
    }

    fn multipart(
        &mut self,
        kind: &str,
        boundary: &str,
        body: &[u8],
        depth: u32,
    ) -> Result<Parts, IngestError> {
        let default_kind = if kind == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        let mut children = Vec::new();
        for raw in split(body, boundary.as_bytes()) {
            let (head, body) = Head::read(raw, default_kind)?;
            if kind == "multipart/alternative" && is_other_rendering(&head.kind) {
                self.count()?;
                continue;
            }
            children.push(self.part(&head, body, depth + 1)?);
        }
        if kind == "multipart/alternative" {
            keep_one_rendering(&mut children, self.builder)?;
        }
        Ok(children.into_iter().fold(Parts::default(), Parts::and))
    }

    /// An S/MIME envelope: what it signs is read, what it encrypts cannot be.
    fn envelope(&mut self, head: &Head, body: &[u8], depth: u32) -> Result<Parts, IngestError> {
        let (bytes, _) = head.decode(body);
        match signature::open(&bytes) {
            Envelope::Signed(inner) => {
                let (head, body) = Head::read(&inner, "text/plain")?;
                self.part(&head, body, depth + 1)
            }
            Envelope::Encrypted => Ok(Parts { encrypted: 1, ..Parts::default() }),
            Envelope::Other => Ok(leaf(head, body)),
        }
    }

    fn count(&mut self) -> Result<(), IngestError> {
        self.builder.deadline.check()?;
        self.seen += 1;
        let limit = self.builder.limits.max_zip_entries;
        if self.seen > limit {
            let what = "parts of the e-mail".into();
            return Err(IngestError::LimitExceeded { what, limit: u64::from(limit) });
        }
        Ok(())
    }
}

impl Parts {
    fn and(mut self, other: Self) -> Self {
        self.texts.extend(other.texts);
        self.files.extend(other.files);
        self.pages.extend(other.pages);
        self.encrypted += other.encrypted;
        self.tnef += other.tnef;
        self.broken += other.broken;
        self.too_deep += other.too_deep;
        self
    }
}

/// Renderings of a text that no reader shows beside plain text and HTML: invitations for the
/// calendar program, pages for another program.
fn is_other_rendering(kind: &str) -> bool {
    kind.starts_with("text/") && kind != "text/plain" && kind != "text/html"
}

/// Of several renderings of one text, keeps the plain one, or the HTML where the plain one only
/// says that there is more. Files within any of them stay.
fn keep_one_rendering(children: &mut [Parts], builder: &Builder<'_>) -> Result<(), IngestError> {
    let has = |parts: &Parts, html: bool| parts.texts.iter().any(|text| text.html == html);
    let plain = children.iter().position(|parts| has(parts, false) && !has(parts, true));
    let html = children.iter().rposition(|parts| has(parts, true));
    let keep = match (plain, html) {
        (Some(plain), Some(html)) => {
            let stub = super::body::is_stub(&children[plain].texts, &children[html].texts, builder);
            Some(if stub? { html } else { plain })
        }
        (plain, html) => plain.or(html),
    };
    for (at, parts) in children.iter_mut().enumerate() {
        if Some(at) != keep {
            parts.texts.clear();
        }
    }
    Ok(())
}

/// A part without parts.
fn leaf(head: &Head, body: &[u8]) -> Parts {
    let mut parts = Parts::default();
    let kind = head.kind.as_str();
    if kind.ends_with("pgp-signature") || kind.ends_with("pkcs7-signature") {
        return parts;
    }
    let name = head.name.as_deref().unwrap_or_default();
    if kind == "application/ms-tnef" || name.eq_ignore_ascii_case("winmail.dat") {
        parts.tnef = 1;
        return parts;
    }
    let (bytes, intact) = head.decode(body);
    parts.broken = u32::from(!intact);
    if head.is_text() {
        let content = head.text(&bytes);
        if content.trim_start().starts_with("-----BEGIN PGP MESSAGE-----") {
            parts.encrypted = 1;
        } else if content.trim().is_empty() {
            // Mail programs put empty parts between attachments.
        } else {
            let html = kind == "text/html";
            parts.pages.extend(html.then(|| content.clone()));
            parts.texts.push(Text { html, content });
        }
    } else if !bytes.is_empty() {
        let (name, kind) = (head.name.clone(), head.kind.clone());
        let content_id = head.content_id.clone();
        parts.files.push(Attachment { name, kind, content_id, bytes: bytes.into_owned() });
    }
    parts
}

/// Cuts the body of a multipart at its boundary. What stands before the first and after the last
/// is for programs without MIME. A body that ends without the closing boundary ends its last part.
fn split<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut from = None;
    let mut at = 0;
    while at < body.len() {
        let end = body[at..].iter().position(|b| *b == b'\n').map_or(body.len(), |n| at + n + 1);
        let line = body[at..end].strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary));
        if let Some(rest) = line {
            let last = rest.starts_with(b"--");
            if rest[if last { 2 } else { 0 }..].trim_ascii().is_empty() {
                parts.extend(from.map(|from| without_line_end(&body[from..at])));
                from = (!last).then_some(end);
                if last {
                    break;
                }
            }
        }
        at = end;
    }
    parts.extend(from.map(|from| &body[from.min(body.len())..]));
    parts
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}
