//! Says for whom an engine works.

use intramuros_types::{KeyId, RequestId};

use crate::{Meter, Priority};

/// For whom an engine works.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Appears in logs; need not be unique.
    pub id: RequestId,
    /// Whose request it is: clients that wait at the same time get equal shares. `None` is a client
    /// of its own, the server itself.
    pub client: Option<KeyId>,
    /// Who waits.
    pub priority: Priority,
    /// Adds up what the work takes.
    pub meter: Meter,
}

impl Caller {
    /// The server itself, which has time.
    pub fn server(what: &'static str) -> Self {
        Self {
            id: RequestId::new(what),
            client: None,
            priority: Priority::Background,
            meter: Meter::default(),
        }
    }

    /// The server itself for somebody who waits.
    pub fn interactive(what: &'static str) -> Self {
        Self { priority: Priority::Interactive, ..Self::server(what) }
    }
}
