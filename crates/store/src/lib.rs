//! Stores passages with their vectors and finds them again by meaning and by words, and keeps the
//! original files.
//!
//! Two independent stores:
//!
//! - [`Store`] holds passages in LanceDB, one table per knowledge base, embedding model and
//!   dimension ([`TableSpec`]). [`Store::table`] opens one as a [`PassageTable`]: a cheap handle on
//!   shared state; clone it freely, readers never wait for writers.
//! - [`Blobs`] holds the uploaded files, named by the SHA-256 of their content.
//!
//! What holds:
//!
//! - **A document is searchable whole or not at all.** [`PassageTable::replace_document`] is one
//!   transaction; a crash leaves the old rows or the new ones.
//! - **What was added is found at once**, before any index knows it.
//! - **A filter is part of the query**, never applied to its results, and no text of a user is
//!   read as query syntax.
//! - **Erasure is real**: after [`PassageTable::delete_document`] and [`PassageTable::maintain`],
//!   no file holds the document's text, or none does once the backup that is being made has ended.
//!
//! - **A backup sees one moment**: what changes or removes stored data passes the [`WriteGate`],
//!   which a backup shuts while it links the files ([`Frozen`]).
//!
//! The store does not embed, chunk, fuse or rerank; it knows no model beyond the name in the
//! table's identity. Fusion of [`Snapshot::nearest`] and [`Snapshot::full_text`] belongs to the
//! caller.

mod blobs;
mod counts;
mod disk;
mod durability;
mod error;
mod filter;
#[cfg(test)]
mod fixture;
mod frozen;
mod gate;
mod layout;
mod maintenance;
mod passage;
mod rows;
mod schema;
mod snapshot;
mod stale;
mod store;
mod table;
mod terms;

pub use blobs::{BlobWriter, Blobs};
pub use counts::passages_by_document;
pub use disk::DiskSpace;
pub use error::StoreError;
pub use filter::{DateRange, Filter};
pub use frozen::{Frozen, Linked};
pub use gate::{ShutGate, WriteGate};
pub use passage::{PassageDetails, PassageRow, PassageText, StoredPassage};
pub use snapshot::{Found, Row, Snapshot};
pub use store::{Store, TableSpec};
pub use table::PassageTable;
