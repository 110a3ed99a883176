//! Talks to an assistant in the terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde_json::{Value, json};

use crate::args::Common;
use crate::client::{Client, segment};
use crate::commands::conversation::show;
use crate::language::tr;
use crate::output;

/// Seconds that an empty line waits for what people answer.
const PATIENCE: u32 = 5;

/// Opens a conversation, then takes a line at a time until there is none.
pub(super) fn run(
    common: &Common,
    client: &Client,
    assistant: &str,
    (draft, language): (bool, Option<&str>),
) -> anyhow::Result<()> {
    let mut body = json!({"assistant": assistant, "draft": draft});
    if let Some(language) = language {
        body["language"] = json!(language);
    }
    let opened = client.post("/api/v1/conversations", &body)?;
    let id = opened["id"].as_str().unwrap_or_default().to_owned();
    let messages = format!("/api/v1/conversations/{}/messages", segment(&id));
    let mut seen = print(common, &opened, "messages", 0);
    output::note(tr(
        format!("conversation {id} ; une ligne vide attend une réponse, Ctrl-D termine"),
        format!("conversation {id}; an empty line waits for an answer, Ctrl-D ends"),
    ));
    let mut lines = std::io::stdin().lock().lines();
    loop {
        prompt();
        let Some(line) = lines.next().transpose()? else { return Ok(()) };
        let line = line.trim();
        if line.is_empty() {
            let path = format!("{messages}?after={seen}&wait_s={PATIENCE}");
            seen = print(common, &client.get(&path)?, "messages", seen);
            continue;
        }
        // One message that fails ends no conversation.
        match client.post(&messages, &json!({"text": line})) {
            Ok(reply) => {
                seen = seen.max(reply["message"]["ordinal"].as_u64().unwrap_or_default());
                seen = print(common, &reply, "replies", seen);
                tell_of_people(&reply);
            }
            Err(error) => output::error(common.json, &error),
        }
    }
}

/// Prints the messages of an answer that were not seen; the last ordinal.
fn print(common: &Common, answer: &Value, field: &str, seen: u64) -> u64 {
    if common.json {
        output::json(answer);
    }
    let mut last = seen;
    for message in answer[field].as_array().into_iter().flatten() {
        let ordinal = message["ordinal"].as_u64().unwrap_or_default();
        let is_own = message["role"] == "customer";
        if ordinal > seen && !is_own && !common.json {
            show::message(message);
        }
        last = last.max(ordinal);
    }
    last
}

fn tell_of_people(reply: &Value) {
    let is_silent = reply["replies"].as_array().is_none_or(Vec::is_empty);
    if is_silent && matches!(reply["conversation"]["state"].as_str(), Some("waiting" | "human")) {
        output::note(tr(
            "une personne a la conversation ; une ligne vide attend sa réponse",
            "a person has the conversation; an empty line waits for their answer",
        ));
    }
}

fn prompt() {
    if std::io::stdin().is_terminal() {
        let mut out = std::io::stdout();
        // Whoever reads on is a terminal; one that went away takes no answer either.
        let _ = write!(out, "> ");
        let _ = out.flush();
    }
}
