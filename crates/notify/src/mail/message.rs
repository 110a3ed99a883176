//! Writes e-mails as the network wants them.

use intramuros_ledger::ClaimedMail;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use super::Failure;

/// The message. Its id is that of the record, so that a second attempt can be told from a second
/// e-mail.
pub(super) fn build(claim: &ClaimedMail, from: &Address, to: &Address) -> Result<Message, Failure> {
    let builder = Message::builder()
        .from(Mailbox::new(Some("Intramuros".to_owned()), from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(claim.mail.subject.as_str())
        .date(claim.created.into())
        .message_id(Some(format!("<{}@{}>", claim.id, from.domain())));
    let text = claim.mail.text.clone();
    let built = match &claim.mail.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.clone())),
        None => builder.singlepart(SinglePart::plain(text)),
    };
    built.map_err(|error| Failure { permanent: true, reason: error.to_string() })
}
