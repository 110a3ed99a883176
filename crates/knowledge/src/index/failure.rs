//! Words why a document could not be indexed, for its owner.

use intramuros_ingest::IngestError;
use intramuros_ledger::FailureReason;
use intramuros_types::Fault;

use crate::KnowledgeError;

/// What the owner of the document reads. Only errors that are about the document say more than
/// that the server failed.
#[allow(clippy::wildcard_enum_match_arm, reason = "errors of other crates may grow variants")]
pub(super) fn reason(error: &KnowledgeError) -> FailureReason {
    if error.is_lost_file() {
        let text = "its file on the server is missing or damaged; upload the same file again";
        return FailureReason { code: "file_damaged".into(), text: text.into() };
    }
    let code = match error {
        KnowledgeError::Ingest(IngestError::Empty) => "empty",
        KnowledgeError::Ingest(IngestError::TooLarge { .. }) => "too_large",
        KnowledgeError::Ingest(IngestError::Unsupported { .. }) => "unsupported_format",
        KnowledgeError::Ingest(IngestError::Encrypted) => "encrypted",
        KnowledgeError::Ingest(IngestError::NoText { .. }) => "no_text",
        KnowledgeError::Ingest(IngestError::LimitExceeded { .. }) => "limit_exceeded",
        KnowledgeError::Ingest(IngestError::Crashed) => "reader_stopped",
        KnowledgeError::Ingest(_) => "damaged",
        _ => "server_failure",
    };
    let text = match error.fault() {
        Fault::User => error.to_string(),
        Fault::Capacity | Fault::Runtime | Fault::Bug => {
            "the server could not index the document; its log says why, delete the document and \
             send it again"
                .to_string()
        }
    };
    FailureReason { code: code.to_string(), text }
}
