//! Counts connections, all of them and those of each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(test)]
mod tests;

/// The open connections. Clones are the same count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held for moments only, by the task that accepts and by those that end.
    open: Mutex<Open>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    /// Of strangers; addresses without a connection have no entry.
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that is open until this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    connections: Connections,
    address: Option<IpAddr>,
}

impl Connections {
    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.locked().all
    }

    /// How many were refused since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Counts a connection from `peer`; `None` when its address has `most` already. Programs of
    /// this machine are not bounded: they are who the server is for, and a proxy among them brings
    /// everybody's.
    pub(crate) fn enter(&self, peer: IpAddr, most: Option<usize>) -> Option<Connection> {
        let address = stranger(peer);
        let mut open = self.locked();
        if let (Some(address), Some(most)) = (address, most)
            && open.by_address.get(&address).is_some_and(|count| *count >= most)
        {
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        open.all += 1;
        if let Some(address) = address {
            *open.by_address.entry(address).or_default() += 1;
        }
        drop(open);
        Some(Connection { connections: self.clone(), address })
    }

    fn leave(&self, address: Option<IpAddr>) {
        let mut open = self.locked();
        open.all = open.all.saturating_sub(1);
        let Some(address) = address else { return };
        if let Some(count) = open.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&address);
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Open> {
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.leave(self.address);
    }
}

/// What counts as one address: of IPv6 the network of 64 bits that a single machine has to itself.
/// `None` for this machine.
fn stranger(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        own if own.is_loopback() => None,
        IpAddr::V4(address) => Some(IpAddr::V4(address)),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Some(IpAddr::V6(network.into()))
        }
    }
}
