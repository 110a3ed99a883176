//! Holds one module per document format, each with the one function
//! `extract(bytes, &mut Builder) -> Result<(), IngestError>`.

pub(crate) mod docx;
pub(crate) mod encoding;
pub(crate) mod html;
pub(crate) mod image;
pub(crate) mod list;
pub(crate) mod markdown;
pub(crate) mod pdf;
pub(crate) mod table;
pub(crate) mod text;
