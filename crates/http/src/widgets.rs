//! Holds what requests of web pages share: how many each client makes at once, and what the assistants
//! show that pages may have.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use intramuros_types::AssistantId;

use crate::api::widget::Face;

/// Requests that one client makes at once: some pages, each with a wait and a message.
const MAX_AT_ONCE: usize = 8;
/// Versions of assistants of which it is known what they show.
const MAX_FACES: usize = 256;

/// What requests of web pages share. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Widgets {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held for moments, by requests that begin and end; clients without a request have no entry.
    running: Mutex<HashMap<IpAddr, usize>>,
    /// Published versions, which never change. Held for a look.
    faces: Mutex<HashMap<(AssistantId, u32), Arc<Face>>>,
    /// Whether the operator was told that the proxy is not known.
    warned: AtomicBool,
}

/// A request that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    widgets: Widgets,
    client: IpAddr,
}

impl Widgets {
    /// Counts a request of `client`; `None` when it has as many as it may have.
    pub(crate) fn enter(&self, client: IpAddr) -> Option<Place> {
        let mut running = self.running();
        let count = running.entry(client).or_default();
        if *count >= MAX_AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Place { widgets: self.clone(), client })
    }

    /// What a version of an assistant shows, where it is known.
    pub(crate) fn face(&self, version: &(AssistantId, u32)) -> Option<Arc<Face>> {
        self.faces().get(version).cloned()
    }

    /// Keeps what a version of an assistant shows.
    pub(crate) fn keep(&self, version: (AssistantId, u32), face: Arc<Face>) {
        let mut faces = self.faces();
        if faces.len() >= MAX_FACES {
            faces.clear();
        }
        faces.insert(version, face);
    }

    /// Says once that visitors come through a proxy that the settings do not name: all of them count
    /// as one then.
    pub(crate) fn warn_of_proxy(&self, peer: IpAddr) {
        if !self.shared.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                %peer,
                "visitors of web pages come through a proxy that server.trusted_proxies does not \
                 name, and count as one visitor"
            );
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faces(&self) -> MutexGuard<'_, HashMap<(AssistantId, u32), Arc<Face>>> {
        self.shared.faces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The same body, whose end frees the place.
    pub(crate) fn until_end_of(self, body: Body) -> Body {
        Body::new(Held { body, _place: self })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.widgets.running();
        if let Some(count) = running.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.client);
            }
        }
    }
}

/// A body with the place of its request.
struct Held {
    body: Body,
    _place: Place,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_AT_ONCE, Widgets};

    #[test]
    fn a_client_has_so_many_requests_at_once() {
        let widgets = Widgets::default();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut places: Vec<_> = (0..MAX_AT_ONCE).map(|_| widgets.enter(one).unwrap()).collect();
        assert!(widgets.enter(one).is_none());
        assert!(widgets.enter(other).is_some());
        places.pop();
        assert!(widgets.enter(one).is_some());
        drop(places);
        assert!(widgets.running().is_empty());
    }
}
