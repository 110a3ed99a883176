//! Holds what the operator decided about who may call the server, and how.

use std::time::Duration;

use axum::http::{HeaderValue, Uri};

use crate::network::Network;

#[cfg(test)]
mod tests;

/// What the operator decided; the binary fills it from its settings.
#[derive(Debug, Clone, Default)]
pub struct HttpPolicy {
    /// Web pages of which origins may call the API from a browser; none when empty.
    pub cors_origins: Vec<Origin>,
    /// The names under which the server is called; any when empty.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Whose word counts about where a request comes from; nobody's when empty.
    pub trusted_proxies: Vec<Network>,
    /// Whether answers are compressed for clients that ask for it.
    pub compress: bool,
    /// How long a request may take before a line in the log says what it waited for.
    pub slow_request: Option<Duration>,
}

/// An origin as browsers send it: scheme, host and, unless it is the scheme's own, port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(pub(crate) HeaderValue);

/// A name of the server, with a port or for all ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    name: String,
    port: Option<u16>,
}

impl Origin {
    /// Reads an origin; `None` for what no browser sends: a path, a wildcard, capitals, the port
    /// that the scheme has anyway.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
        let own_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let plain = format!("{scheme}://{authority}").to_ascii_lowercase() == text
            && !authority.as_str().contains(['@', '*'])
            && authority.port_u16() != Some(own_port);
        if plain { HeaderValue::from_str(text).ok().map(Origin) } else { None }
    }
}

impl AllowedHost {
    /// Reads a name with an optional port, as a `Host` header has it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let authority: axum::http::uri::Authority = text.parse().ok()?;
        if authority.as_str().contains(['@', '*']) || authority.host().is_empty() {
            return None;
        }
        let has_port = authority.as_str().len() > authority.host().len();
        let port = authority.port_u16();
        if has_port && port.is_none() {
            return None;
        }
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        Some(Self { name, port })
    }

    /// Whether a request to `called` is meant.
    fn admits(&self, called: &AllowedHost) -> bool {
        self.name == called.name && (self.port.is_none() || self.port == called.port)
    }
}

impl HttpPolicy {
    /// Whether the server may be called `host`, the value of a `Host` header.
    pub(crate) fn admits_host(&self, host: &str) -> bool {
        self.allowed_hosts.is_empty()
            || AllowedHost::parse(host)
                .is_some_and(|called| self.allowed_hosts.iter().any(|host| host.admits(&called)))
    }
}
