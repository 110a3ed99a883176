//! Sends e-mails through one SMTP server, to recipients that the configuration allows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use intramuros_ledger::{ClaimedMail, Ledger, MailRecord, NewMail, Outcome};
use lettre::Address;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::egress::Egress;
use crate::error::NotifyError;
use crate::notifier::Clock;
use crate::schedule::Schedule;

mod message;
mod smtp;
mod stream;

use smtp::SmtpClient;

/// How the connection to the SMTP server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS after `STARTTLS` (port 587 or 25); never without.
    StartTls,
    /// None: for a server on this machine or in a private network.
    None,
}

/// `[smtp]` of the settings.
#[derive(Clone)]
pub struct SmtpConfig {
    /// The server; `egress.allow` must name it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password, if the server wants them.
    pub credentials: Option<(String, String)>,
    /// The sender's address.
    pub from: String,
    /// Longest time for one e-mail.
    pub timeout: Duration,
    /// Domains and addresses that may get e-mails; empty: the domain of `from`.
    pub recipients: Vec<String>,
}

/// Leaves the password out.
impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl SmtpConfig {
    /// Whether e-mail could be sent like this, as far as can be told without connecting.
    ///
    /// # Errors
    /// `Egress` when the server is not allowed; `Invalid` for a wrong sender or recipient.
    pub fn check(&self, egress: &Egress) -> Result<(), NotifyError> {
        Sender::new(egress, self).map(|_| ())
    }
}

/// Queues e-mails and sends them. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    ledger: Ledger,
    schedule: Schedule,
    clock: Clock,
    /// None when no server is configured.
    sender: Option<Arc<Sender>>,
}

struct Sender {
    client: SmtpClient,
    from: Address,
    /// In lower case; an address when it holds an `@`.
    recipients: Vec<String>,
    lease: Duration,
}

impl Mailer {
    /// # Errors
    /// `Egress` when the server is not allowed; `Invalid` for a wrong sender or recipient.
    pub(crate) fn new(
        ledger: Ledger,
        egress: &Egress,
        config: Option<&SmtpConfig>,
        schedule: Schedule,
        clock: Clock,
    ) -> Result<Self, NotifyError> {
        let sender = config.map(|config| Sender::new(egress, config).map(Arc::new)).transpose()?;
        Ok(Self { ledger, schedule, clock, sender })
    }

    /// Puts an e-mail into the queue; it is on disk when this returns.
    ///
    /// # Errors
    /// `NoMail` without a server; `Invalid` for a recipient that is none or may get none; `Ledger` for
    /// a text that is too long or a full queue.
    pub async fn send(&self, mail: &NewMail) -> Result<MailRecord, NotifyError> {
        let sender = self.sender.as_ref().ok_or(NotifyError::NoMail)?;
        sender.recipient(&mail.to)?;
        Ok(self.ledger.queue_mail(mail).await?)
    }

    /// Whether an address may get e-mails.
    ///
    /// # Errors
    /// `NoMail` without a server; `Invalid` for a recipient that is none or may get none.
    pub fn permit(&self, address: &str) -> Result<(), NotifyError> {
        let sender = self.sender.as_ref().ok_or(NotifyError::NoMail)?;
        sender.recipient(address).map(|_| ())
    }

    /// Sends what is due, one after the other, until nothing is, or until `stop` turns true; returns
    /// when the next one will be due.
    ///
    /// # Errors
    /// `Ledger`.
    pub async fn send_due(
        &self,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<Option<OffsetDateTime>, NotifyError> {
        // Without a server they wait for one.
        let Some(sender) = &self.sender else { return Ok(None) };
        while !*stop.borrow() {
            let now = (self.clock)();
            let Some(claim) = self.ledger.claim_mail(now, sender.lease).await? else {
                return Ok(self.ledger.next_mail(now).await?);
            };
            tokio::select! {
                outcome = self.attempt(sender, &claim) => {
                    self.ledger.finish_mail(&claim, (self.clock)(), &outcome).await?;
                }
                // Its claim is given up at the next start.
                _ = stop.changed() => {}
            }
        }
        Ok(None)
    }

    async fn attempt(&self, sender: &Sender, claim: &ClaimedMail) -> Outcome {
        let mail = claim.id.as_str();
        let sent = sender.send(claim).await;
        let now = (self.clock)();
        match sent {
            Ok(()) => {
                tracing::debug!(mail, "e-mail sent");
                Outcome::Delivered { status: None }
            }
            Err(failure) if failure.permanent => {
                // The reason may name the recipient; it is in the list of e-mails.
                tracing::warn!(mail, "an e-mail was refused");
                Outcome::Dead { status: None, error: failure.reason, disable: false }
            }
            Err(failure) => {
                tracing::warn!(mail, attempt = claim.attempt, "an e-mail could not be sent");
                self.schedule.after(claim.attempt, now, None, failure.reason)
            }
        }
    }
}

/// Why an e-mail was not sent.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The server refused this very e-mail: another attempt would end the same.
    pub(crate) permanent: bool,
    pub(crate) reason: String,
}

impl Sender {
    fn new(egress: &Egress, config: &SmtpConfig) -> Result<Self, NotifyError> {
        egress.permit_smtp(&config.host, config.port, config.security == Security::Tls)?;
        let from = address("smtp.from", &config.from)?;
        let mut recipients: Vec<String> =
            config.recipients.iter().map(|one| one.trim().to_ascii_lowercase()).collect();
        if recipients.is_empty() {
            recipients.push(from.domain().to_ascii_lowercase());
        }
        for recipient in &recipients {
            // A domain is one where an address at it is one.
            let whole = recipient.contains('@');
            let tried = if whole { recipient.clone() } else { format!("x@{recipient}") };
            address("smtp.recipients", &tried)?;
        }
        let client = SmtpClient::new(egress.clone(), config.clone(), from.domain().to_owned());
        Ok(Self { client, from, recipients, lease: config.timeout.saturating_mul(2) })
    }

    /// The address, if it may get e-mails.
    fn recipient(&self, to: &str) -> Result<Address, NotifyError> {
        let address = address("to", to)?;
        let (whole, domain) = (to.to_ascii_lowercase(), address.domain().to_ascii_lowercase());
        if self.recipients.iter().any(|allowed| *allowed == whole || *allowed == domain) {
            return Ok(address);
        }
        let reason = format!("is `{to}`, which smtp.recipients does not allow");
        Err(NotifyError::Invalid { name: "to", reason })
    }

    async fn send(&self, claim: &ClaimedMail) -> Result<(), Failure> {
        // Settings may have changed since it was queued.
        let to = self
            .recipient(&claim.mail.to)
            .map_err(|error| Failure { permanent: true, reason: error.to_string() })?;
        let message = message::build(claim, &self.from, &to)?;
        self.client.send(&message).await
    }
}

/// Reads an address: one, bare, in ASCII.
fn address(name: &'static str, text: &str) -> Result<Address, NotifyError> {
    let wrong = || {
        let reason = format!("has `{}`, which is not an e-mail address", text.escape_debug());
        NotifyError::Invalid { name, reason }
    };
    if !text.is_ascii() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(wrong());
    }
    text.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
