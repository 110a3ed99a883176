//! Holds one module per document format, each with the one function
//! `extract(bytes, &mut Builder) -> Result<(), IngestError>`, and what several of them share.

pub(crate) mod archive;
pub(crate) mod csv;
pub(crate) mod docx;
pub(crate) mod eml;
pub(crate) mod encoding;
mod flow;
pub(crate) mod html;
pub(crate) mod image;
mod list;
pub(crate) mod markdown;
mod metadata;
pub(crate) mod name;
mod numeral;
mod odf;
pub(crate) mod odp;
pub(crate) mod ods;
pub(crate) mod odt;
mod package;
pub(crate) mod pdf;
pub(crate) mod pptx;
mod sheet;
mod slide;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod xlsx;
mod xml;
