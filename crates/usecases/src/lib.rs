//! Does the business jobs: what a company buys the server for.
//!
//! Each use case is a folder that knows none of the others; what they share is [`pilot`], which
//! measures them on labelled items and finds thresholds with a promise. [`pilots`] stands above them
//! and runs them over such items.
//!
//! What is absent: HTTP, candle, LanceDB, and the settings of the server.

pub mod chat;
pub mod pilot;
pub mod pilots;
pub mod triage;
