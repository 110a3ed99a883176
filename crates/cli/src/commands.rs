//! Implements the subcommands, one file each with one function `run`.

pub(crate) mod ask;
pub(crate) mod assistant;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod conversation;
pub(crate) mod doctor;
pub(crate) mod erase;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod groups;
pub(crate) mod jobs;
pub(crate) mod kb;
pub(crate) mod keys;
pub(crate) mod mail;
pub(crate) mod models;
pub(crate) mod pilot;
pub(crate) mod read_document;
pub(crate) mod retention;
pub(crate) mod reviews;
pub(crate) mod search;
pub(crate) mod serve;
pub(crate) mod triage;
pub(crate) mod usage;
pub(crate) mod users;
pub(crate) mod webhooks;
