//! Holds one module per document format, each with the one function
//! `extract(bytes, &mut Builder) -> Result<(), IngestError>`, and what several of them share.

pub(crate) mod csv;
pub(crate) mod docx;
pub(crate) mod encoding;
mod flow;
pub(crate) mod html;
mod list;
pub(crate) mod markdown;
mod metadata;
mod numeral;
mod package;
pub(crate) mod pdf;
mod sheet;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod xlsx;
mod xml;
