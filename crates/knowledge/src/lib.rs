//! Turns files into searchable passages, and questions into passages and answers with evidence.
//!
//! Entry type: [`Knowledge`], a cheap handle. Two paths meet in it:
//!
//! - **Index**: [`Knowledge::add`] stores the bytes and a ledger row (from then on the document
//!   survives any crash), the job of its knowledge base reads, cuts, embeds and stores the passages,
//!   one document at a time ([`Knowledge::job_kinds`] has what the runner needs).
//! - **Retrieval**: [`Knowledge::search`] finds candidates by vector and full text and compares them
//!   word by word (`late`, `rank`); [`Knowledge::ask`] lets
//!   the generator word an answer from them and passes on only sentences that the passages
//!   support (`evidence`).
//!
//! Invariants: a document is searchable wholly or not at all; every citation is a passage that was
//! retrieved for this question, with a quotation that stands in it; without evidence there is no
//! answer. What is absent: HTTP, candle, LanceDB's types, and any decision about who may ask.

mod answer;
mod ask;
mod calibrate;
mod citation;
mod config;
mod consult;
mod erase;
mod error;
mod evidence;
mod figures;
mod focus;
mod folder;
mod fuse;
mod gap;
mod highlight;
mod index;
mod instruct;
mod jobs;
mod judge;
mod knowledge;
mod language;
mod late;
mod likelihood;
mod mention;
mod passage;
mod prompt;
mod quote;
mod rank;
mod rebuild;
mod request;
mod rerank;
mod search;
mod sentences;
mod survey;
mod target;
mod turns;
mod words;

pub use answer::{Abstention, Answer, AnswerEvent, Answering};
pub use ask::AskRequest;
pub use calibrate::CalibrationState;
pub use citation::Citation;
pub use config::KnowledgeConfig;
pub use consult::{Consultation, Material, Written, supported};
pub use error::KnowledgeError;
pub use evidence::Support;
pub use figures::Figures;
pub use folder::{Folder, FolderFailure, FolderReport, Walk, walk};
pub use highlight::Highlight;
// Of the disk that knowledge bases are on.
pub use index::MediaType;
pub use instruct::addresses;
pub use intramuros_store::DiskSpace;
pub use judge::Judgement;
pub use knowledge::{Knowledge, KnowledgeParts, ServerMeter, Upload};
pub use language::Language;
pub use mention::{Found, Mentioning, Mentions};
pub use passage::Passage;
pub use rebuild::IndexState;
pub use request::{Ranking, Scope, SearchRequest};
pub use search::Hit;
pub use survey::{Remains, Survey};
