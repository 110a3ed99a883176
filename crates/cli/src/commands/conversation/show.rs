//! Prints conversations for people.

use intramuros_usecases::chat::{HandOverCard, reason_in_words};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::language::tr;
use crate::output;

/// Conversations, one a line.
pub(crate) fn conversations(listed: &Value) {
    let rows = items(listed, "conversations").map(|one| {
        let handling = &one["handling"];
        vec![
            text(one, "id"),
            state(one),
            reason_in_words(&text(handling, "reason"), tr("fr", "en")),
            text(handling, "team"),
            text(handling, "assignee"),
            text(one, "channel"),
            one["message_count"].to_string(),
            moment(&text(one, "updated")),
        ]
    });
    let header = tr(
        ["ID", "ÉTAT", "MOTIF", "ÉQUIPE", "AVEC", "CANAL", "MESSAGES", "DERNIER"],
        ["ID", "STATE", "REASON", "TEAM", "WITH", "CHANNEL", "MESSAGES", "LAST"],
    );
    output::table(&header, &rows.collect::<Vec<_>>());
    if listed["next"].is_string() {
        output::note(tr("il y en a d'autres : --limit", "there are more: --limit"));
    }
}

/// A conversation with all that was said.
pub(crate) fn whole(conversation: &Value) {
    conversations(&json!({"conversations": [conversation]}));
    if let Ok(card) = HandOverCard::deserialize(&conversation["card"]) {
        output::line("");
        output::line(card.render_text(tr("fr", "en")));
    }
    for said in items(conversation, "messages") {
        message(said);
    }
}

/// What was said after a customer's message.
pub(crate) fn reply(reply: &Value) {
    for said in items(reply, "replies") {
        message(said);
    }
    conversations(&json!({"conversations": [reply["conversation"]]}));
}

/// A message with what it quotes.
pub(crate) fn message(message: &Value) {
    let who = match message["role"].as_str().unwrap_or_default() {
        "customer" => tr("client", "customer").to_owned(),
        "assistant" => tr("assistant", "assistant").to_owned(),
        "human" => {
            let person = tr("personne", "person");
            let author = text(message, "author");
            if author.is_empty() { person.to_owned() } else { format!("{person} {author}") }
        }
        _ => tr("avis", "notice").to_owned(),
    };
    output::line("");
    output::line(format!("[{}] {who}{} {}", message["ordinal"], tr(" :", ":"), said(message)));
    for (number, citation) in items(&message["details"], "citations").enumerate() {
        let quote = text(citation, "quote");
        output::line(format!("    [{}] « {quote} »\n        {}", number + 1, source(citation)));
    }
}

/// `Title › Section, p. 4`
fn source(citation: &Value) -> String {
    let mut parts = vec![text(citation, "title")];
    parts.extend(items(citation, "section_path").filter_map(Value::as_str).map(str::to_owned));
    parts.dedup();
    let source = parts.join(" › ");
    match citation["pages"][0].as_u64() {
        Some(page) => format!("{source}, p. {page}"),
        None => source,
    }
}

fn said(message: &Value) -> String {
    if message["erased"].is_string() {
        return tr("(effacé)", "(erased)").to_owned();
    }
    text(message, "text")
}

fn state(conversation: &Value) -> String {
    let state = text(conversation, "state");
    let french = match state.as_str() {
        "bot" => "assistant",
        "waiting" => "en attente",
        "human" => "personne",
        "closed" => "close",
        other => other,
    };
    tr(french, state.as_str()).to_owned()
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// To the minute.
fn moment(text: &str) -> String {
    text.chars().take(16).collect::<String>().replace('T', " ")
}
