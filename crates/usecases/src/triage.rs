//! Sorts tickets: what a message is about, how urgent it is, who takes it.
//!
//! A [`Policy`] has the labels in the customer's words; no training is needed to begin. Examples that
//! people labelled or corrected count from the next ticket on.

mod alarm;
mod common;
mod decide;
mod decision;
mod desk;
mod error;
mod learn;
mod letter;
mod logistic;
mod mind;
mod outbreak;
mod phrases;
mod policy;
mod reader;
mod reading;
mod reason;
mod review;
mod rules;
mod space;
mod stack;
mod trial;
mod words;

pub use decision::{Basis, Considered, Decision, Doubt, FieldDecision, RuleHit, SimilarTicket};
pub use desk::{Effort, TicketRequest, Triage, TriageParts};
pub use error::TriageError;
pub use letter::Letter;
pub use outbreak::Outbreaks;
pub use policy::{Alerts, Choice, Field, Mode, Policy, PolicyError, Routing, Rule, Then};
pub use trial::{KnownTicket, TrialRequest, Tried};

/// Characters of a ticket that are read and learnt from.
const GIST_CHARS: usize = 4_000;
