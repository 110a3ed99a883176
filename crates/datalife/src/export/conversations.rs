//! Exports the conversations that a user had, and what they answered in those of others.

use std::io;

use intramuros_ledger::{ConversationRecord, Ledger, MessageRecord};
use intramuros_types::{ConversationId, UserId};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::Archive;
use super::user::at;

/// Conversations that are read at once, which are long.
const CONVERSATIONS: u32 = 20;
/// Answers that are read at once.
const ANSWERS: u32 = 500;

/// Writes what a user said and was told.
pub(super) fn write(
    ledger: &Ledger,
    runtime: &Handle,
    archive: &mut Archive,
    user: &UserId,
) -> io::Result<()> {
    let mut last = None::<ConversationId>;
    archive.list("conversations.json", || {
        let page = ledger.conversations_opened_by(user.as_str(), last.as_ref(), CONVERSATIONS);
        let page = runtime.block_on(page).map_err(io::Error::other)?;
        last = page.last().map(|conversation| conversation.summary.id.clone());
        Ok((!page.is_empty()).then(|| page.iter().map(conversation).collect()))
    })?;
    let mut last = None::<(ConversationId, u32)>;
    archive.list("answers.json", || {
        let after = last.as_ref().map(|(id, ordinal)| (id, *ordinal));
        let page = runtime.block_on(ledger.answers_written_by(user.as_str(), after, ANSWERS));
        let page = page.map_err(io::Error::other)?;
        last = page.last().map(|(id, answer)| (id.clone(), answer.ordinal));
        Ok((!page.is_empty()).then(|| page.iter().map(answer).collect()))
    })
}

/// A conversation as its customer sees it: who answered is told to nobody else.
fn conversation(conversation: &ConversationRecord) -> Value {
    let summary = &conversation.summary;
    let said = |message: &MessageRecord| {
        json!({
            "ordinal": message.ordinal,
            "role": message.role.as_str(),
            "at": at(message.at),
            "text": message.text,
            "thumb": message.thumb.map(|up| if up { "up" } else { "down" }),
            "comment": message.comment,
            "details": message.details,
            "erased": message.erased.map(at),
        })
    };
    json!({
        "id": summary.id.as_str(),
        "assistant": summary.assistant.as_str(),
        "external_id": summary.external_id,
        "language": summary.language,
        "state": summary.state.as_str(),
        "created": at(summary.created),
        "closed": summary.closed.map(at),
        "resolved": summary.resolved,
        "messages": conversation.messages.iter().map(said).collect::<Vec<_>>(),
    })
}

fn answer((id, answer): &(ConversationId, MessageRecord)) -> Value {
    json!({
        "conversation": id.as_str(),
        "ordinal": answer.ordinal,
        "at": at(answer.at),
        "text": answer.text,
        "erased": answer.erased.map(at),
    })
}
