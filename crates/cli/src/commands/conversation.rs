//! `intramuros conversation`: what customers and assistants say, and people who answer.

pub(crate) mod show;

use std::process::ExitCode;

use anyhow::bail;
use serde_json::{Value, json};

use crate::args::{Common, Conversation, ConversationFilter};
use crate::client::{Client, segment};
use crate::language::tr;
use crate::output;

const CONVERSATIONS: &str = "/api/v1/conversations";

pub(crate) fn run(common: &Common, command: &Conversation) -> anyhow::Result<ExitCode> {
    let client = Client::new(common)?;
    match command {
        Conversation::List(filter) => {
            answer(common, &client.get(&list(filter))?, show::conversations);
        }
        Conversation::Show { id } => answer(common, &client.get(&path(id, ""))?, show::whole),
        Conversation::Open { .. } => open(common, &client, command)?,
        Conversation::Say { id, text } => {
            let reply = client.post(&path(id, "/messages"), &json!({"text": text}))?;
            answer(common, &reply, show::reply);
        }
        Conversation::Take { id } => act(common, &client, id, ("/take", json!({})))?,
        Conversation::Release { id } => act(common, &client, id, ("/release", json!({})))?,
        Conversation::HandBack { id } => act(common, &client, id, ("/hand-back", json!({})))?,
        Conversation::Close { id, reason } => {
            act(common, &client, id, ("/close", json!({"reason": reason})))?;
        }
        Conversation::Reopen { id } => act(common, &client, id, ("/reopen", json!({})))?,
        Conversation::Answer { id, text } => {
            let said = client.post(&path(id, "/answers"), &json!({"text": text}))?;
            answer(common, &said, show::message);
        }
        Conversation::Remove { id, yes } => {
            if !yes {
                bail!(tr(
                    format!(
                        "« {id} » serait supprimée avec tout ce qui s'y est dit ; ajoutez --yes"
                    ),
                    format!("'{id}' would be removed with all that was said in it; add --yes"),
                ));
            }
            client.delete(&path(id, ""))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(common: &Common, value: &Value, show: fn(&Value)) {
    if common.json { output::json(value) } else { show(value) }
}

fn path(id: &str, rest: &str) -> String {
    format!("{CONVERSATIONS}/{}{rest}", segment(id))
}

fn list(filter: &ConversationFilter) -> String {
    let mut list = format!("{CONVERSATIONS}?limit={}", filter.limit);
    for (name, value) in [
        ("state", &filter.state),
        ("assistant", &filter.assistant),
        ("channel", &filter.channel),
        ("feedback", &filter.feedback),
    ] {
        if let Some(value) = value {
            list.push_str(&format!("&{name}={}", segment(value)));
        }
    }
    if filter.mine {
        list.push_str("&mine=true");
    }
    list
}

fn open(common: &Common, client: &Client, command: &Conversation) -> anyhow::Result<()> {
    let Conversation::Open { assistant, external_id, language, draft, labels } = command else {
        return Ok(());
    };
    let mut body = json!({"assistant": assistant, "draft": draft, "labels": labels});
    for (name, value) in [("external_id", external_id), ("language", language)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    answer(common, &client.post(CONVERSATIONS, &body)?, show::whole);
    Ok(())
}

/// Does something to a conversation as it stands now.
fn act(
    common: &Common,
    client: &Client,
    id: &str,
    (act, mut body): (&str, Value),
) -> anyhow::Result<()> {
    body["version"] = client.get(&path(id, ""))?["version"].clone();
    let changed = client.post(&path(id, act), &body)?;
    answer(common, &json!({"conversations": [changed]}), show::conversations);
    Ok(())
}
