//! Recognises a document's format by its first bytes, then by its name.

use std::io::{Cursor, Read};

use intramuros_types::DocumentFormat;
use zip::ZipArchive;

use crate::IngestError;

mod mail;

/// What an error about another format offers instead.
pub(crate) const SUPPORTED: &str = "PDF, DOCX, ODT, XLSX, ODS, CSV, PPTX, ODP, HTML, Markdown, plain text, e-mail (EML), \
     images and ZIP archives";

/// A PDF header may stand after other bytes. Source: ISO 32000-1, annex H, note 13.
const PDF_HEADER_WITHIN: usize = 1024;

/// Beginnings of images that can be recognised. Source: the formats' specifications.
const IMAGE_MAGIC: [&[u8]; 8] =
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"BM"];

/// Beginnings of files that are something else. Source: the formats' specifications, as collected
/// in the `magic` database of file(1).
const OTHER_MAGIC: &[(&[u8], &str)] = &[
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"OggS", "an audio file"),
    (b"ID3", "an audio file"),
    (b"fLaC", "an audio file"),
];

/// Extensions of text files whose content is not running text.
const OTHER_EXTENSIONS: &[(&str, &str)] = &[
    ("msg", "an Outlook e-mail (MSG)"),
    ("rtf", "an RTF document"),
    ("xml", "an XML file"),
    ("svg", "an SVG image"),
    ("mht", "a web archive (MHT)"),
    ("mhtml", "a web archive (MHT)"),
    ("fodt", "an OpenDocument file"),
];

/// Recognises the format of `bytes`; `file_name` decides between the text formats only.
///
/// # Errors
/// - [`IngestError::Empty`]: there are no bytes;
/// - [`IngestError::Encrypted`]: an Office document protected with a password;
/// - [`IngestError::Damaged`]: the name or the first bytes promise a format that the rest breaks;
/// - [`IngestError::Unsupported`]: anything else that is not text.
pub fn detect(bytes: &[u8], file_name: &str) -> Result<DocumentFormat, IngestError> {
    if bytes.is_empty() {
        return Err(IngestError::Empty);
    }
    let extension = extension(file_name);
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    if contains(head, b"%PDF-") && !mail::starts_like_mail(bytes) {
        return Ok(DocumentFormat::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return detect_zip(bytes);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Err(describe_ole(bytes, &extension));
    }
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    if is_webp || IMAGE_MAGIC.iter().any(|magic| starts_binary(bytes, magic)) {
        return Ok(DocumentFormat::Image);
    }
    if let Some((_, found)) = OTHER_MAGIC.iter().find(|(magic, _)| starts_binary(bytes, magic)) {
        return Err(unsupported(found));
    }
    if let Some(found) = describe_container(bytes) {
        return Err(unsupported(found));
    }
    detect_text(bytes, &extension)
}

/// Decides between the text formats, by extension, then by the first tag.
fn detect_text(bytes: &[u8], extension: &str) -> Result<DocumentFormat, IngestError> {
    match extension {
        "eml" | "mbox" => return Ok(DocumentFormat::Eml),
        "md" | "markdown" | "mdown" | "mkd" => return Ok(DocumentFormat::Markdown),
        "html" | "htm" | "xhtml" => return Ok(DocumentFormat::Html),
        "csv" | "tsv" | "tab" => return Ok(DocumentFormat::Csv),
        "pdf" => return Err(IngestError::damaged("the name says PDF, the content is not")),
        "docx" => return Err(IngestError::damaged("the name says DOCX, the content is not")),
        "xlsx" | "xlsm" | "pptx" | "odt" | "ods" | "odp" => {
            let name = extension.to_ascii_uppercase();
            return Err(IngestError::damaged(format!("the name says {name}, the content is not")));
        }
        _ => {}
    }
    if let Some((_, found)) = OTHER_EXTENSIONS.iter().find(|(known, _)| *known == extension) {
        return Err(unsupported(found));
    }
    if mail::starts_like_mail(bytes) {
        return Ok(DocumentFormat::Eml);
    }
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    let ascii: Vec<u8> = head.iter().filter(|b| **b != 0).map(u8::to_ascii_lowercase).collect();
    let start = ascii.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&ascii).trim_ascii_start();
    if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        return Ok(DocumentFormat::Html);
    }
    if start.starts_with(b"<?xml") {
        let found = if contains(start, b"<html") { None } else { Some("an XML file") };
        return found.map_or(Ok(DocumentFormat::Html), |found| Err(unsupported(found)));
    }
    Ok(DocumentFormat::Text)
}

/// Looks at the names in an archive: an Office document, another kind of archive, or damage.
fn detect_zip(bytes: &[u8]) -> Result<DocumentFormat, IngestError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(IngestError::damaged)?;
    if let Some(kind) = opendocument_kind(&mut archive) {
        return match kind.as_str() {
            "text" | "text-template" | "text-master" | "text-web" => Ok(DocumentFormat::Odt),
            "spreadsheet" | "spreadsheet-template" => Ok(DocumentFormat::Ods),
            "presentation" | "presentation-template" => Ok(DocumentFormat::Odp),
            _ => Err(unsupported("an OpenDocument file that is neither text, sheet nor slides")),
        };
    }
    let has = |wanted: &[u8]| archive.file_names_raw().any(|name| name == wanted);
    let has_prefix = |wanted: &[u8]| archive.file_names_raw().any(|n| n.starts_with(wanted));
    if has(b"[Content_Types].xml") {
        // By their main parts first: a presentation can hold a folder of embedded workbooks.
        let kinds = [
            (b"word/" as &[u8], DocumentFormat::Docx),
            (b"ppt/", DocumentFormat::Pptx),
            (b"xl/", DocumentFormat::Xlsx),
        ];
        if has(b"xl/workbook.bin") {
            return Err(unsupported("a binary Excel workbook (XLSB)"));
        }
        if let Some((_, format)) = kinds.iter().find(|(folder, _)| has_prefix(folder)) {
            return Ok(*format);
        }
    }
    let found = if has(b"META-INF/container.xml") {
        "an e-book (EPUB)"
    } else if has(b"content.xml") && has(b"mimetype") {
        "an OpenDocument file"
    } else if has(b"[Content_Types].xml") {
        "an Office file of another kind"
    } else if has(b"META-INF/MANIFEST.MF") {
        "a Java program"
    } else {
        return Ok(DocumentFormat::Zip);
    };
    Err(unsupported(found))
}

/// What kind of OpenDocument an archive is: `text`, `spreadsheet`. The file `mimetype` says it, or
/// the manifest, where a program left that out.
/// Source: OpenDocument 1.3 part 2, 3.3, and part 3, 1.4.
fn opendocument_kind(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Option<String> {
    const PREFIX: &str = "application/vnd.oasis.opendocument.";
    // An entry that says more than this is no media type; a manifest's begins with it.
    const READ_BYTES: u64 = 4096;
    ["mimetype", "META-INF/manifest.xml"].iter().find_map(|name| {
        let file = archive.by_name(name).ok()?;
        let mut bytes = Vec::new();
        file.take(READ_BYTES).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let rest = &text[text.find(PREFIX)? + PREFIX.len()..];
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    })
}

/// Tells an encrypted Office document from the binary formats before 2007.
/// Source: [MS-OFFCRYPTO] 2.3.4: the stream `EncryptedPackage`, named in UTF-16.
fn describe_ole(bytes: &[u8], extension: &str) -> IngestError {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    if contains(bytes, &name) {
        return IngestError::Encrypted;
    }
    unsupported(match extension {
        "doc" | "dot" => "a Word document of the format before 2007 (DOC)",
        "xls" => "an Excel workbook of the format before 2007 (XLS)",
        "ppt" => "a PowerPoint presentation of the format before 2007 (PPT)",
        "msg" => "an Outlook e-mail (MSG)",
        _ => "a binary Office file of the format before 2007",
    })
}

/// Recognises formats whose mark is not at the first byte.
fn describe_container(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, wanted: &[u8]| bytes.get(from..).is_some_and(|b| b.starts_with(wanted));
    if at(0, b"RIFF") && (at(8, b"WAVE") || at(8, b"AVI ")) {
        return Some("an audio or video file");
    }
    if at(4, b"ftyp") {
        let image = at(8, b"heic") || at(8, b"mif1") || at(8, b"avif");
        return Some(if image { "a HEIC or AVIF image" } else { "a video file" });
    }
    at(257, b"ustar").then_some("a tar archive")
}

/// Two-byte marks are also ordinary words (`BM`, `MZ`), so they count only before binary bytes.
fn starts_binary(bytes: &[u8], magic: &[u8]) -> bool {
    let printable = magic.len() <= 3 && magic.is_ascii();
    bytes.starts_with(magic) && (!printable || bytes[..bytes.len().min(64)].contains(&0))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn extension(file_name: &str) -> String {
    file_name.rsplit_once('.').map(|(_, ext)| ext.to_ascii_lowercase()).unwrap_or_default()
}

fn unsupported(found: &str) -> IngestError {
    IngestError::Unsupported { found: found.to_owned() }
}

#[cfg(test)]
mod tests;
