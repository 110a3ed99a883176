//! Tells others what happened: webhooks and e-mails, from a durable queue, to addresses that the
//! configuration allows and to no others.
//!
//! Entry: a [`Notifier`], made of a ledger, an [`Egress`] policy and a [`NotifyConfig`].
//! [`Notifier::run`] sends what the ledger's outbox holds until it is told to stop; events and
//! deliveries themselves are the ledger's (`Ledger::emit`), e-mails go through [`Mailer::send`].
//!
//! - **Egress.** Every outgoing connection of a serving process is opened here, after [`Egress`]
//!   agreed to scheme, host, port and path, and to every address that the host's name resolves to;
//!   the connection is made to those very addresses. There are no redirects and no proxies; time
//!   and the size of answers are bounded.
//! - **Webhooks** are signed as the Standard Webhooks specification says. The id of an event is the
//!   same for all its attempts; the order of events is not promised. Each is delivered at least once
//!   or ends as a dead letter that somebody can see and retry.
//! - **E-mails** go to one SMTP server, and only to recipients that the configuration names.
//!
//! A receiver that is slow holds up nobody else: a few deliveries run at a time, two at most for a
//! webhook. After a crash, what was being sent is sent again.
//!
//! What is absent: HTTP routes, models, documents, and any thought about which events there should
//! be.

mod address;
mod client;
mod egress;
mod error;
mod mail;
mod notifier;
mod schedule;
mod sign;
#[cfg(test)]
mod testing;
mod tls;
mod webhook;

pub use egress::{Egress, EgressConfig};
pub use error::{EgressError, NotifyError};
pub use mail::{Mailer, Security, SmtpConfig};
pub use notifier::{Notifier, NotifyConfig};
pub use schedule::Schedule;
pub use webhook::Deliverer;
