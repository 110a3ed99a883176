//! Drives the real binary with real small models, as its users do.
//!
//! - `access`: who may read what
//! - `accounting`: limits, consumption to the last token, the audit trail
//! - `answers`: what assistants answer from documents and hold back; thresholds, models, what tickets
//!   say
//! - `assistants`: assistants and conversations: versions, customers, people who answer, who sees
//!   what
//! - `auth`: no path without a key, no scope beyond its own
//! - `backup`: backup under load, restore, what is not a backup
//! - `bad_input`: every wrong request names what is wrong
//! - `chat`: chat and plain completions, streamed and not
//! - `cli`: settings, keys, doctor and the client commands
//! - `concurrency`: several clients, full queue, clients that leave
//! - `crash`: kill at the wrong moment, start again
//! - `data_life`: erasure proven by a search of the bytes, exports, retention
//! - `egress`: nothing leaves
//! - `embeddings`: vectors and their formats
//! - `folders`: watched folders
//! - `formats`: tables row by row, files within files, scans, bombs
//! - `jobs`: background work is watched, paused, resumed, cancelled
//! - `knowledge`: passages and cited answers out, erasure
//! - `identity`: users, roles, groups, sessions; every operation against every role and label
//! - `generation`: choices, log-probabilities, constraints, tools, tokens, the prefix cache
//! - `hardening`: requests that no ordinary client sends, what browsers are told
//! - `judge`: whether the passages answer, learnt from test questions
//! - `pilots`: labelled sets, their runs and reports
//! - `reviews`: what people decide, alone and by two; nothing twice, nothing lost, nothing seen that is
//!   not theirs
//! - `rerank`: a cross-encoder orders what was found
//! - `reindex`: an index made beside the other, and taken back
//! - `storage`: full and read-only disks, damaged ledger, lost files
//! - `triage`: tickets decided, settled, learnt from; alerts, outbreaks, dispatchers
//! - `widget`: assistants in web pages
//! - `webhooks`: webhooks and e-mail, to whom the settings name and to nobody else
//! - `lifecycle`: readiness, systemd, graceful stop, two servers on one directory
//! - `monitoring`: metrics, readiness with reasons, slow requests, dashboard and alerts
//! - `privacy`: what the log must not say
//!
//! The tests need the binary (`cargo build --release`) and the models of `scripts/fetch-models`.

#![allow(clippy::unwrap_used, reason = "all of this is test code; a panic is its failure")]

mod access;
mod accounting;
mod answers;
mod assistants;
mod auth;
mod backup;
mod bad_input;
mod chat;
mod cli;
mod concurrency;
mod crash;
mod data_life;
mod egress;
mod embeddings;
mod folders;
mod formats;
mod generation;
mod hardening;
mod identity;
mod jobs;
mod judge;
mod knowledge;
mod lifecycle;
mod monitoring;
mod pilots;
mod privacy;
mod raw;
mod reindex;
mod rerank;
mod reviews;
mod server;
mod storage;
mod triage;
mod webhooks;
mod widget;
