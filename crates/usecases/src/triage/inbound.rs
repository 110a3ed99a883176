//! Reads tickets as they come: e-mails, tables, and what other systems post.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};
use mail_parser::{Message, MessageParser};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{PolicyError, TriageError};

/// The most tickets of one table.
pub const MAX_ROWS: usize = 10_000;
/// The longest file of a table or an e-mail.
pub const MAX_FILE_BYTES: usize = 32 << 20;
/// Characters of a message that are kept; the rest of a longer one is an attachment by mistake.
const BODY_CHARS: usize = 100_000;
const SUBJECT_CHARS: usize = 1_000;
const SENDER_CHARS: usize = 320;

/// A ticket as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The sender's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// How it came.
    #[serde(default)]
    pub channel: String,
    /// Whom it came from.
    #[serde(default)]
    pub from: String,
    /// Its subject.
    #[serde(default)]
    pub subject: String,
    /// What it says.
    #[serde(default)]
    pub body: String,
}

/// Where the parts of a ticket are in what another system posts: JSON pointers (RFC 6901), such as
/// `/ticket/title`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hook {
    /// Its own name for the ticket.
    pub external_id: Option<String>,
    /// Whom it came from.
    pub from: Option<String>,
    /// Its subject.
    pub subject: Option<String>,
    /// What it says.
    pub body: Option<String>,
}

impl Hook {
    /// Checks that each is a JSON pointer.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let Self { external_id, from, subject, body } = self;
        let all =
            [("external_id", external_id), ("from", from), ("subject", subject), ("body", body)];
        for (name, pointer) in all {
            if let Some(pointer) = pointer
                && !pointer.starts_with('/')
            {
                let name = format!("hook.{name}");
                let reason =
                    format!("is '{pointer}', no JSON pointer; it begins with /, as /ticket/title");
                return Err(PolicyError { name, reason });
            }
        }
        Ok(())
    }
}

/// Reads an e-mail (RFC 5322). Its text is the first plain part, or the HTML without its marks; its
/// message id names it, so that it is filed once.
///
/// # Errors
/// `Invalid` for what is no e-mail.
pub fn mail(bytes: &[u8]) -> Result<Sent, TriageError> {
    let message = MessageParser::default().parse(bytes);
    let is_mail = |message: &Message<'_>| message.from().is_some() || message.subject().is_some();
    let Some(message) = message.filter(is_mail) else {
        return invalid(
            "is no e-mail: it has neither sender nor subject; send the file as the mail program saves it",
        );
    };
    let sender = message.from().and_then(|from| from.first());
    let sender = sender.map(|from| match (from.name(), from.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    });
    Ok(Sent {
        external_id: message.message_id().map(|id| start(id, 500)).filter(|id| !id.is_empty()),
        channel: "email".to_owned(),
        from: start(&sender.unwrap_or_default(), SENDER_CHARS),
        subject: start(message.subject().unwrap_or_default(), SUBJECT_CHARS),
        body: start(&message.body_text(0).unwrap_or_default(), BODY_CHARS),
    })
}

/// Reads a table of tickets: CSV with a header, separated by commas, semicolons or tabs. Columns are
/// `subject` or `objet`, `body` or `message`, `from` or `de`, `channel` or `canal`, `id` or
/// `external_id`; others are left out. Texts that are no UTF-8 are read as Windows-1252.
///
/// # Errors
/// `Invalid` with the line and what is wrong.
pub fn table(bytes: &[u8]) -> Result<Vec<Sent>, TriageError> {
    if bytes.len() > MAX_FILE_BYTES {
        return invalid(&format!("has {} bytes, the limit is {MAX_FILE_BYTES}", bytes.len()));
    }
    // Excel writes UTF-8 with a mark, Windows-1252 or UTF-16 with a mark, by the menu entry.
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0,
        None => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        },
    };
    let head = text.lines().next().unwrap_or_default();
    let count = |separator: char| head.matches(separator).count();
    let separator = [',', ';', '\t'].into_iter().max_by_key(|one| count(*one)).unwrap_or(',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator as u8)
        .flexible(false)
        .from_reader(text.as_bytes());
    let headers = reader.headers().map_err(wrong)?.clone();
    let column = |names: &[&str]| {
        headers.iter().position(|header| names.contains(&header.trim().to_lowercase().as_str()))
    };
    let subject = column(&["subject", "objet", "sujet", "titre", "title"]);
    let body = column(&["body", "message", "texte", "text", "description", "corps"]);
    if subject.is_none() && body.is_none() {
        let found: Vec<&str> = headers.iter().collect();
        let reason = format!(
            "has neither a column 'subject' nor a column 'body'; its columns are: {}",
            start(&found.join(", "), 300)
        );
        return invalid(&reason);
    }
    let from = column(&["from", "de", "sender", "expéditeur", "expediteur", "client"]);
    let channel = column(&["channel", "canal"]);
    let id = column(&["id", "external_id", "numéro", "numero", "number", "ticket"]);
    let mut tickets = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        if tickets.len() == MAX_ROWS {
            return invalid(&format!("has more than {MAX_ROWS} rows; split it"));
        }
        let cell = |column: Option<usize>| {
            column.and_then(|column| row.get(column)).unwrap_or_default().trim().to_owned()
        };
        let ticket = Sent {
            external_id: Some(cell(id)).filter(|id| !id.is_empty()),
            channel: cell(channel),
            from: cell(from),
            subject: cell(subject),
            body: cell(body),
        };
        if ticket.subject.is_empty() && ticket.body.is_empty() {
            let line = row.position().map_or(0, csv::Position::line);
            return invalid(&format!("has neither subject nor body in line {line}"));
        }
        tickets.push(ticket);
    }
    Ok(tickets)
}

impl Hook {
    /// Takes a ticket out of what another system posts.
    ///
    /// # Errors
    /// `Invalid` where neither subject nor body are to be found.
    pub fn take(&self, posted: &Value) -> Result<Sent, TriageError> {
        let at = |pointer: &Option<String>| match posted.pointer(pointer.as_deref()?)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let (subject, body) = (at(&self.subject), at(&self.body));
        if subject.is_none() && body.is_none() {
            let places = |pointer: &Option<String>| pointer.clone().unwrap_or("unset".to_owned());
            return invalid(&format!(
                "has no text at the places that the policy names: hook.subject is {}, hook.body is {}",
                places(&self.subject),
                places(&self.body)
            ));
        }
        Ok(Sent {
            external_id: at(&self.external_id),
            channel: "webhook".to_owned(),
            from: start(&at(&self.from).unwrap_or_default(), SENDER_CHARS),
            subject: start(&subject.unwrap_or_default(), SUBJECT_CHARS),
            body: start(&body.unwrap_or_default(), BODY_CHARS),
        })
    }
}

fn start(text: &str, chars: usize) -> String {
    text.trim().chars().take(chars).collect()
}

fn invalid<T>(reason: &str) -> Result<T, TriageError> {
    Err(TriageError::Invalid { name: "body", reason: reason.to_owned() })
}

fn wrong(error: csv::Error) -> TriageError {
    TriageError::Invalid { name: "body", reason: format!("is no CSV table: {error}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_e_mail_is_a_ticket() {
        let text = "From: =?utf-8?q?Ren=C3=A9e?= <renee@example.fr>\r\nMessage-ID: <a1@example.fr>\r\n\
            Subject: =?utf-8?q?Acc=C3=A8s?=\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
            <p>Je ne peux plus <b>entrer</b>.</p>";
        let sent = mail(text.as_bytes()).unwrap();
        assert_eq!(sent.from, "Renée <renee@example.fr>");
        assert_eq!(
            (sent.subject.as_str(), sent.external_id.as_deref()),
            ("Accès", Some("a1@example.fr"))
        );
        assert!(sent.body.contains("Je ne peux plus entrer."), "{}", sent.body);
        assert!(mail(b"").is_err());
        assert!(mail(&[0xff; 100]).is_err());
    }

    #[test]
    fn tables_are_read_as_they_are_written() {
        let text =
            "\u{feff}id;objet;message;canal\r\n7;Wifi;\"coupé;\nencore\";email\r\n;Clé;perdue;\r\n";
        let rows = table(text.as_bytes()).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].external_id.as_deref(), rows[0].body.as_str()),
            (Some("7"), "coupé;\nencore")
        );
        assert_eq!((rows[1].external_id.as_deref(), rows[1].subject.as_str()), (None, "Clé"));
        // As a French Excel writes it.
        let latin = table(b"objet\nacc\xe8s \x80\n").unwrap();
        assert_eq!(latin[0].subject, "accès €");
        let wide = "\u{feff}objet\tmessage\nacc\u{e8}s\tbloqu\u{e9}\n".encode_utf16();
        let wide: Vec<u8> = wide.flat_map(u16::to_le_bytes).collect();
        assert_eq!(table(&wide).unwrap()[0].subject, "accès");
        let refused = |text: &str| table(text.as_bytes()).unwrap_err().to_string();
        assert!(refused("a,b\n1,2\n").contains("its columns are: a, b"));
        assert!(refused("subject,body\nx\n").contains("is no CSV table"));
        assert!(refused("subject,body\nx,y\n,\n").contains("line 3"));
        assert!(refused("").contains("columns"));
        assert_eq!(table(b"subject\n").unwrap(), []);
    }

    #[test]
    fn what_is_posted_is_taken_from_where_the_policy_says() {
        let hook = Hook {
            external_id: Some("/ticket/id".to_owned()),
            from: None,
            subject: Some("/ticket/title".to_owned()),
            body: Some("/articles/0/body".to_owned()),
        };
        let posted =
            json!({"ticket": {"id": 12, "title": "Wifi"}, "articles": [{"body": "coupé"}]});
        let sent = hook.take(&posted).unwrap();
        assert_eq!((sent.external_id.as_deref(), sent.subject.as_str()), (Some("12"), "Wifi"));
        assert_eq!((sent.body.as_str(), sent.channel.as_str()), ("coupé", "webhook"));
        let refused = hook.take(&json!({"ticket": []})).unwrap_err().to_string();
        assert!(refused.contains("hook.subject is /ticket/title"), "{refused}");
        assert!(Hook::default().take(&posted).is_err());
    }
}
