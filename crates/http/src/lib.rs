//! Speaks HTTP: routes, request and answer types, authentication, streams, errors, OpenAPI.
//!
//! Entry: [`serve`] with an [`AppState`]. Each endpoint is one file that decodes, calls one
//! function of a lower crate and encodes; nothing is decided here. What holds for every route:
//!
//! - a key with the right scope is checked before a handler or a body is touched, on every path
//!   but `/healthz`, `/readyz`, `/openapi.json` and `/docs`;
//! - a body is read within limits of size and time; a field that would be ignored is refused by
//!   name (`RequestBody`);
//! - every failure is a row of one table ([`Code`]), in OpenAI's shape under `/v1` and as RFC 9457
//!   problem details elsewhere;
//! - every answer carries `x-request-id`, and no prompt, answer or key is logged;
//! - a request is followed to the last byte of its answer (`track`), and what two servers could
//!   read differently is refused before that (`gate`).
//!
//! What is absent: candle, LanceDB, SQL, and any thought about what an answer should be.

mod accounting;
mod api;
mod auth;
mod body;
mod compress;
mod connections;
mod docs_page;
mod error;
mod gate;
mod health;
mod limiter;
mod metrics;
mod network;
mod openai;
mod openapi;
mod operation;
mod policy;
mod protect;
mod query;
mod readiness;
mod request_id;
mod router;
mod running;
mod serve;
mod state;
mod track;
mod visit;
mod widgets;

pub use accounting::{Accounting, AuditLevel};
pub use error::{ApiError, Code};
pub use metrics::Metrics;
pub use network::Network;
pub use policy::{AllowedHost, HttpPolicy, Origin};
pub use readiness::Readiness;
pub use router::router;
pub use running::Running;
pub use serve::serve;
pub use state::{AppState, HttpLimits, Prices};
pub use widgets::Widgets;
