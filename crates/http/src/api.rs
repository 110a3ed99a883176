//! Serves the knowledge bases and the server's figures under `/api/v1`.
//!
//! One file an operation group. Errors are RFC 9457 problem details.

pub(crate) mod ask;
pub(crate) mod calibration;
pub(crate) mod document_file;
pub(crate) mod documents;
pub(crate) mod erasure;
pub(crate) mod folders;
pub(crate) mod hit;
pub(crate) mod indexes;
pub(crate) mod knowledge_bases;
pub(crate) mod metrics;
pub(crate) mod passages;
mod scope;
pub(crate) mod search;
pub(crate) mod status;
pub(crate) mod unanswered;
mod upload;
