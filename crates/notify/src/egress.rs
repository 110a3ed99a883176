//! Decides which connections a serving process may open.
//!
//! A destination is agreed to when an entry of `egress.allow` names its scheme, host and port (and
//! begins its path), and when every address that the host's name resolves to is on this machine or
//! in a private network, unless `egress.allow_public`. Addresses are returned, not names: who
//! connects uses these, so a name cannot mean something else a moment later.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use url::{Host, Url};

use crate::address::{Reach, reach};
use crate::error::EgressError;
use crate::tls;

mod entry;

use entry::{Entry, Scheme};

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 16;

/// `[egress]` of the settings.
#[derive(Debug, Clone, Default)]
pub struct EgressConfig {
    /// What may be connected to: `https://host:port/path`, `http://…`, `smtp://host:port`,
    /// `smtps://…`.
    pub allow: Vec<String>,
    /// Whether public addresses are allowed too.
    pub allow_public: bool,
    /// Certificates (PEM) that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// The policy, checked. Cheap to clone.
#[derive(Clone)]
pub struct Egress(Arc<Policy>);

struct Policy {
    entries: Vec<Entry>,
    allow_public: bool,
    roots: Vec<CertificateDer<'static>>,
    lookup: Lookup,
}

/// Resolves a name and a port; tests have their own.
type Lookup = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("entries", &self.0.entries).finish_non_exhaustive()
    }
}

impl Egress {
    /// Checks the settings and reads the certificates.
    ///
    /// # Errors
    /// `Entry`, `CaFile`.
    pub fn new(config: &EgressConfig) -> Result<Self, EgressError> {
        Self::with_lookup(
            config,
            Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect())),
        )
    }

    pub(crate) fn with_lookup(config: &EgressConfig, lookup: Lookup) -> Result<Self, EgressError> {
        let entries: Vec<Entry> =
            config.allow.iter().map(|entry| Entry::read(entry)).collect::<Result<_, _>>()?;
        // Nothing encrypted is connected to: the system need not have certificates.
        let encrypted = entries.iter().any(|entry| entry.scheme != Scheme::Http);
        let roots = if encrypted { tls::roots(config.ca_file.as_deref())? } else { Vec::new() };
        Ok(Self(Arc::new(Policy { entries, allow_public: config.allow_public, roots, lookup })))
    }

    /// Checks the entries of `egress.allow` alone.
    ///
    /// # Errors
    /// `Entry`.
    pub fn check_entries(allow: &[String]) -> Result<(), EgressError> {
        allow.iter().try_for_each(|entry| Entry::read(entry).map(|_| ()))
    }

    /// Agrees to post to `url` and returns it in its canonical form.
    ///
    /// # Errors
    /// `Url` for what is not a plain `http` or `https` address; `NotAllowed`; `Address` for a literal
    /// one that is not connected to.
    pub fn permit_url(&self, url: &str) -> Result<Url, EgressError> {
        let (destination, url) =
            entry::read_url(url).map_err(|reason| EgressError::Url { reason })?;
        if !self.0.entries.iter().any(|entry| entry.covers(&destination)) {
            return Err(EgressError::NotAllowed { destination: destination.to_string() });
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        literal.map_or(Ok(()), |address| self.check(&destination.host, address))?;
        Ok(url)
    }

    /// Agrees to send e-mail through `host`, over TLS from the first byte (`wrapped`) or not.
    ///
    /// # Errors
    /// `Url` for what is not a host; `NotAllowed`.
    pub fn permit_smtp(&self, host: &str, port: u16, wrapped: bool) -> Result<(), EgressError> {
        let scheme = if wrapped { Scheme::Smtps } else { Scheme::Smtp };
        let host = entry::read_host(host).map_err(|reason| EgressError::Url { reason })?;
        let destination = Entry { scheme, host, port, path: String::new() };
        if self.0.entries.iter().any(|entry| entry.covers(&destination)) {
            return Ok(());
        }
        Err(EgressError::NotAllowed { destination: destination.to_string() })
    }

    /// The addresses of `host` to connect to, all of them allowed. Blocks for up to `patience`.
    ///
    /// # Errors
    /// `Unknown`; `Address` when only one of them is not allowed: a name that leads to both is more
    /// likely an attack than an accident.
    pub(crate) fn resolve(
        &self,
        host: &str,
        port: u16,
        patience: Duration,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let mut addresses = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self
                .look_up(bare, port, patience)
                .map_err(|source| EgressError::Unknown { host: host.to_owned(), source })?,
        };
        for address in &addresses {
            self.check(host, address.ip())?;
        }
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }

    /// Whether all addresses of `host` are on this machine or in private networks.
    pub(crate) fn is_private(addresses: &[SocketAddr]) -> bool {
        addresses.iter().all(|address| reach(address.ip()) == Reach::Private)
    }

    /// What is trusted to sign the certificates of receivers.
    pub(crate) fn roots(&self) -> &[CertificateDer<'static>] {
        &self.0.roots
    }

    /// The system's resolver knows no time limit; the thread ends when it answers.
    fn look_up(&self, host: &str, port: u16, patience: Duration) -> io::Result<Vec<SocketAddr>> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let (lookup, name) = (self.0.lookup.clone(), host.to_owned());
        std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
            // Nobody listens any more when it took too long.
            let _ = sender.send(lookup(&name, port));
        })?;
        let found = receiver.recv_timeout(patience).map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, "the name server did not answer")
        })??;
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        Ok(found)
    }

    fn check(&self, host: &str, address: IpAddr) -> Result<(), EgressError> {
        let reason = match reach(address) {
            Reach::Private => return Ok(()),
            Reach::Public if self.0.allow_public => return Ok(()),
            Reach::Public => "is public, and egress.allow_public is false",
            Reach::Never(reason) => reason,
        };
        Err(EgressError::Address { host: host.to_owned(), address, reason })
    }
}

#[cfg(test)]
mod tests;
