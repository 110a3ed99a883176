//! Sorts tickets: what a message is about, how urgent it is, who takes it.
//!
//! A [`Policy`] has the labels in the customer's words; no training is needed to begin. Examples that
//! people labelled or corrected count from the next ticket on.

mod alarm;
mod batch;
mod common;
mod decide;
mod decision;
mod desk;
mod error;
mod extract;
pub mod inbound;
mod language;
mod learn;
mod letter;
mod logistic;
mod mind;
mod minds;
mod outbreak;
mod phrases;
mod policy;
mod reader;
mod reading;
mod reason;
mod report;
mod review;
mod rules;
mod space;
mod span;
mod stack;
mod trial;
mod words;

pub use decision::{Basis, Considered, Decision, Doubt, FieldDecision, RuleHit, SimilarTicket};
pub use desk::{Effort, TicketRequest, Triage, TriageParts};
pub use error::TriageError;
pub use extract::{Extracted, FoundBy, Wanted};
pub use language::TriageLanguage;
pub use letter::Letter;
pub use outbreak::Outbreaks;
pub use policy::{Alerts, Choice, Field, Mode, Policy, PolicyError, Routing, Rule, Then};
pub use report::{CategoryPractice, EffortReport, FieldReport, LearntReport, Practice, practice};
pub use trial::{KnownTicket, TrialRequest, Tried};

/// Characters of a ticket that are read and learnt from.
const GIST_CHARS: usize = 4_000;

/// What is learnt from a message: its subject and what its writer says, without quoted mails and
/// signatures, up to 4,000 characters.
pub fn text_of(subject: &str, body: &str) -> String {
    Letter::new(subject, body).gist(GIST_CHARS)
}
