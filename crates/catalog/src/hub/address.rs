//! Compares addresses: which belong to the hub, and where a redirect leads.

use std::net::IpAddr;

use ureq::http::Uri;

#[cfg(test)]
mod tests;

/// An absolute `http` or `https` address without a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    uri: Uri,
    secure: bool,
    host: String,
    port: u16,
}

impl Address {
    /// `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.trim().parse().ok()?;
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Some(Self { secure, host, port, uri })
    }

    /// The address that a `Location` header on this one leads to: absolute, or relative to the
    /// host. `None` for other forms and from `https` to `http`.
    pub(super) fn redirect(&self, location: &str) -> Option<Self> {
        let scheme = if self.secure { "https" } else { "http" };
        let target = if location.starts_with("//") {
            Self::parse(&format!("{scheme}:{location}"))
        } else if location.starts_with('/') {
            Self::parse(&format!("{scheme}://{}{location}", self.uri.authority()?))
        } else {
            Self::parse(location)
        };
        target.filter(|target| target.secure || !self.secure)
    }

    /// Whether both have scheme, host and port in common: what a token may be sent to.
    pub(super) fn same_origin(&self, other: &Self) -> bool {
        (self.secure, &self.host, self.port) == (other.secure, &other.host, other.port)
    }

    /// Whether it is encrypted.
    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it never leaves this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let ip: Option<IpAddr> = self.host.trim_matches(['[', ']']).parse().ok();
        self.host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
    }

    /// For the client.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Host and port, for messages: paths and queries of signed addresses stay out of them.
    pub(super) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}
