//! Reads the headers of a message or of a part, and decodes a body as they say.
//!
//! Source: RFC 5322 (fields), RFC 2047 and 2231 (words and parameters in other character sets).

use std::borrow::Cow;

use encoding_rs::Encoding as Charset;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders};

use crate::IngestError;
use crate::format::encoding::decode;

/// Headers grow tenfold when they are read; those of a message to a thousand people have 100 KiB.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// How a body was made fit for lines of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    None,
    Base64,
    QuotedPrintable,
}

/// The headers of a message or of a part.
pub(super) struct Head {
    /// All fields, for those of a message that people read.
    pub(super) message: Message<'static>,
    /// The media type in lower case, such as `text/plain`.
    pub(super) kind: String,
    /// What separates the parts of a multipart.
    pub(super) boundary: Option<String>,
    /// The name of a file.
    pub(super) name: Option<String>,
    /// How HTML refers to the part.
    pub(super) content_id: Option<String>,
    is_attachment: bool,
    charset: Option<String>,
    flowed: bool,
    delete_space: bool,
    encoding: Encoding,
}

impl Head {
    /// Cuts `raw` at its first empty line and reads what stands before it. A part that does not
    /// say what it is counts as `default_kind`.
    ///
    /// # Errors
    /// [`IngestError::LimitExceeded`] for the length of the headers.
    pub(super) fn read<'a>(
        raw: &'a [u8],
        default_kind: &str,
    ) -> Result<(Self, &'a [u8]), IngestError> {
        let (head, body) = cut(raw);
        if head.len() > MAX_HEADER_BYTES {
            let (what, limit) = ("bytes in the header of an e-mail".into(), MAX_HEADER_BYTES);
            return Err(IngestError::LimitExceeded { what, limit: limit as u64 });
        }
        Ok((Self::parse(head, default_kind), body))
    }

    fn parse(raw: &[u8], default_kind: &str) -> Self {
        let text = in_unicode(raw);
        let message = MessageParser::new()
            .parse_headers(text.as_ref())
            .map(Message::into_owned)
            // The library's own empty message has no place for headers, and panics when asked.
            .unwrap_or_else(|| Message {
                parts: vec![MessagePart::default()],
                ..Message::default()
            });
        let content_type = message.content_type();
        let attribute = |name| content_type.and_then(|value| value.attribute(name));
        let is = |name, wanted: &str| {
            attribute(name).is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted))
        };
        let kind = content_type.map_or_else(
            || default_kind.to_owned(),
            |value| match value.subtype() {
                Some(subtype) => format!("{}/{subtype}", value.ctype()).to_lowercase(),
                // `Content-Type: text` of the time before MIME.
                None if value.ctype().eq_ignore_ascii_case("text") => "text/plain".to_owned(),
                None => value.ctype().to_lowercase(),
            },
        );
        let encoding = match message.content_transfer_encoding().map(str::trim) {
            Some(name) if name.eq_ignore_ascii_case("base64") => Encoding::Base64,
            Some(name) if name.eq_ignore_ascii_case("quoted-printable") => {
                Encoding::QuotedPrintable
            }
            _ => Encoding::None,
        };
        Self {
            kind,
            boundary: attribute("boundary").filter(|b| !b.is_empty()).map(str::to_owned),
            name: message.attachment_name().map(str::to_owned),
            content_id: message.content_id().map(str::to_owned),
            is_attachment: message.content_disposition().is_some_and(|d| d.is_attachment()),
            charset: attribute("charset").map(str::to_owned),
            flowed: is("format", "flowed"),
            delete_space: is("delsp", "yes"),
            encoding,
            message,
        }
    }

    /// Whether the part is text to show rather than a file: reports on delivery too, which are
    /// text in fields.
    pub(super) fn is_text(&self) -> bool {
        let shown = matches!(
            self.kind.as_str(),
            "text/plain" | "text/html" | "message/delivery-status" | "text/rfc822-headers"
        );
        shown && !self.is_attachment && self.name.is_none()
    }

    /// Whether a field that belongs to an e-mail is there.
    pub(super) fn is_message(&self) -> bool {
        let known = |name: &HeaderName<'_>| !matches!(name, HeaderName::Other(_));
        self.message.headers().iter().any(|header| known(&header.name))
    }

    /// The text of an unstructured field, such as `Subject`.
    pub(super) fn line(&self, name: HeaderName<'static>) -> Option<&str> {
        self.message.header(name).and_then(HeaderValue::as_text)
    }

    /// The bytes of a body, and whether all of them could be decoded. The result is never longer
    /// than `body`.
    pub(super) fn decode<'a>(&self, body: &'a [u8]) -> (Cow<'a, [u8]>, bool) {
        match self.encoding {
            Encoding::None => (Cow::Borrowed(body), true),
            Encoding::Base64 => match base64_decode(body) {
                Some(bytes) => (Cow::Owned(bytes), true),
                None => {
                    // Footers of mailing lists are written behind the code.
                    let code: Vec<u8> = body.iter().copied().filter(is_base64).collect();
                    (Cow::Owned(base64_decode(&code).unwrap_or_default()), false)
                }
            },
            Encoding::QuotedPrintable => match quoted_printable_decode(body) {
                Some(bytes) => (Cow::Owned(bytes), true),
                None => (Cow::Borrowed(body), false),
            },
        }
    }

    /// The text of decoded bytes, its lines joined where the sender only wrapped them.
    pub(super) fn text(&self, bytes: &[u8]) -> String {
        let label = self.charset.as_deref().unwrap_or_default().trim();
        let declared = Charset::for_label(label.as_bytes());
        // Sets of seven bits (ISO-2022-JP, UTF-7) look like ASCII; others are recognised better
        // than they are declared.
        let seven_bits = bytes.is_ascii() && !label.eq_ignore_ascii_case("us-ascii");
        let text = match charset_decoder(label.as_bytes()).filter(|_| seven_bits) {
            Some(decoder) => decoder(bytes),
            None => decode(bytes, declared)
                .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned()),
        };
        if self.flowed && self.kind == "text/plain" {
            return unwrapped(&text, self.delete_space);
        }
        text
    }
}

/// A header whose lines are UTF-8. Old programs write other characters as they are, and unread
/// they would be lost. Lines with words that name their encoding stay as they are.
fn in_unicode(raw: &[u8]) -> Cow<'_, [u8]> {
    if std::str::from_utf8(raw).is_ok() {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|b| *b == b'\n') {
        match decode(line, None) {
            Ok(text) if !line.windows(2).any(|mark| mark == b"=?") => out.extend(text.bytes()),
            _ => out.extend_from_slice(line),
        }
    }
    Cow::Owned(out)
}

/// Cuts a message or a part at its first empty line.
fn cut(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < raw.len() {
        let end = raw[at..].iter().position(|b| *b == b'\n').map_or(raw.len(), |n| at + n + 1);
        if raw[at..end].trim_ascii().is_empty() {
            return (&raw[..at], &raw[end..]);
        }
        at = end;
    }
    (raw, &[])
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Joins the lines that a mail program wrapped: those that end with a space, at the same depth of
/// quotation. Source: RFC 3676, 4.
fn unwrapped(text: &str, delete_space: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let unquoted = line.trim_start_matches('>');
        let depth = line.len() - unquoted.len();
        let content = unquoted.strip_prefix(' ').unwrap_or(unquoted);
        if open == Some(depth) && content != "-- " {
            out.push_str(content);
        } else {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&line[..depth]);
            if depth > 0 {
                out.push(' ');
            }
            out.push_str(content);
        }
        open = (content.ends_with(' ') && content != "-- ").then_some(depth);
        if open.is_some() && delete_space {
            out.pop();
        }
    }
    out
}
