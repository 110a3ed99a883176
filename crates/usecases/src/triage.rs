//! Sorts tickets: what a message is about, how urgent it is, who takes it.
//!
//! A [`Policy`] has the labels in the customer's words; no training is needed to begin. Examples that
//! people labelled or corrected count from the next ticket on.

mod letter;
mod logistic;
mod policy;

pub use letter::Letter;
pub use logistic::{Fit, Logistic};
pub use policy::{Choice, Field, Policy, PolicyError, Rule, Then};
