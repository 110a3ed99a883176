//! Serves the knowledge bases, reviews, webhooks, e-mails and the server's figures under `/api/v1`.
//!
//! One file an operation group. Errors are RFC 9457 problem details.

pub(crate) mod ask;
pub(crate) mod assistants;
pub(crate) mod audit;
pub(crate) mod calibration;
pub(crate) mod conversations;
pub(crate) mod deliveries;
pub(crate) mod document_file;
pub(crate) mod documents;
pub(crate) mod erasure;
pub(crate) mod erasures;
mod everything;
pub(crate) mod exports;
pub(crate) mod folders;
mod grant;
pub(crate) mod groups;
pub(crate) mod hit;
pub(crate) mod indexes;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod knowledge_bases;
pub(crate) mod mail;
pub(crate) mod me;
pub(crate) mod metrics;
pub(crate) mod passages;
pub(crate) mod pilots;
pub(crate) mod retention;
pub(crate) mod reviews;
mod scope;
pub(crate) mod search;
pub(crate) mod sessions;
pub(crate) mod status;
pub(crate) mod triage;
pub(crate) mod unanswered;
mod upload;
pub(crate) mod usage;
pub(crate) mod users;
pub(crate) mod webhooks;
pub(crate) mod widget;
