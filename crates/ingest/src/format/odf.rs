//! Holds what the OpenDocument formats share: the archive, its metadata and its styles.
//!
//! Source: OpenDocument 1.3, parts 2 (packages) and 3 (schema). Elements are told by their local
//! names; prefixes are the usual ones where two namespaces share a name.

use crate::IngestError;
use crate::builder::Builder;
use crate::format::metadata;
use crate::format::package::Package;
use crate::format::xml::{Step, Xml, attribute};

pub(super) mod body;
pub(super) mod list;
pub(super) mod styles;
mod table;

use styles::Styles;

/// The parts of a document.
pub(super) struct Document {
    /// `content.xml`.
    pub(super) content: String,
    /// `styles.xml`, empty when there is none: page headers and footers stand there.
    pub(super) frame: String,
    pub(super) styles: Styles,
}

/// Opens `bytes` and reads the metadata into `builder`.
///
/// # Errors
/// Those of [`Package`]; [`IngestError::Encrypted`] when the manifest says so.
pub(super) fn open(bytes: &[u8], builder: &mut Builder<'_>) -> Result<Document, IngestError> {
    let mut package = Package::open(bytes, builder)?;
    if let Some(manifest) = package.part("META-INF/manifest.xml")?
        && is_encrypted(&manifest, builder)?
    {
        return Err(IngestError::Encrypted);
    }
    if let Some(meta) = package.part("meta.xml")? {
        metadata::read_office(&meta, builder)?;
    }
    let mut styles = Styles::default();
    let frame = package.part("styles.xml")?.unwrap_or_default();
    styles.read(&frame, builder)?;
    let Some(content) = package.part("content.xml")? else {
        return Err(IngestError::damaged("the archive has no content.xml"));
    };
    styles.read(&content, builder)?;
    Ok(Document { content, frame, styles })
}

/// Whether the content is encrypted. Source: OpenDocument 1.3 part 2, 3.4 and 4.
fn is_encrypted(manifest: &str, builder: &Builder<'_>) -> Result<bool, IngestError> {
    let mut of_content = false;
    let mut xml = Xml::new(manifest, builder);
    while let Some(step) = xml.next()? {
        let Step::Open(tag) = step else { continue };
        match tag.local_name().as_ref() {
            "file-entry" => {
                let path = attribute(&tag, "full-path").unwrap_or_default();
                of_content = matches!(path.as_str(), "content.xml" | "encrypted-package");
            }
            "encryption-data" if of_content => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
