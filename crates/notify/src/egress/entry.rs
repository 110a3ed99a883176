//! Reads entries of `egress.allow`, and addresses in the same way, so that they can be compared.

use std::fmt;

use url::{Host, Url};

use crate::error::EgressError;

/// How a destination is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    Smtp,
    Smtps,
}

impl Scheme {
    fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Smtp => "smtp",
            Scheme::Smtps => "smtps",
        }
    }

    /// Source for e-mail: RFC 6409 (submission), RFC 8314 (submissions).
    fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
            Scheme::Smtp => 587,
            Scheme::Smtps => 465,
        }
    }
}

/// A destination, or an entry that allows some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) scheme: Scheme,
    /// Canonical: lower case, IDNA in its ASCII form, addresses in their usual form.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Canonical, without a slash at its end; empty for all.
    pub(crate) path: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", self.scheme.name(), self.host, self.port, self.path)
    }
}

impl Entry {
    /// Reads an entry of `egress.allow`.
    pub(crate) fn read(entry: &str) -> Result<Self, EgressError> {
        let wrong = |reason| EgressError::Entry { entry: entry.to_owned(), reason };
        if let Some(rest) = entry.strip_prefix("smtp://") {
            return read_smtp(Scheme::Smtp, rest).map_err(wrong);
        }
        if let Some(rest) = entry.strip_prefix("smtps://") {
            return read_smtp(Scheme::Smtps, rest).map_err(wrong);
        }
        let (entry, url) = read_url(entry).map_err(wrong)?;
        if url.query().is_some() {
            return Err(wrong("has a query; an entry is a scheme, a host, a port and a path"));
        }
        Ok(entry)
    }

    /// Whether this entry allows `destination`.
    pub(crate) fn covers(&self, destination: &Entry) -> bool {
        let same = self.scheme == destination.scheme
            && self.host == destination.host
            && self.port == destination.port;
        // Whole segments: `/hooks` allows `/hooks/a` and not `/hooks-of-others`.
        let rest = destination.path.strip_prefix(&self.path);
        same && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            && (self.path.is_empty() || !has_hidden_slash(&destination.path))
    }
}

/// Some servers take these for what separates segments.
fn has_hidden_slash(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.contains("%2f") || path.contains("%5c")
}

/// Reads the address of a webhook, or says what is wrong with it.
pub(crate) fn read_url(text: &str) -> Result<(Entry, Url), &'static str> {
    // Parsers disagree about these, and what they disagree about gets past checks.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("holds white space, a control character or a backslash");
    }
    let lower = text.to_ascii_lowercase();
    let scheme = match &lower {
        https if https.starts_with("https://") => Scheme::Https,
        http if http.starts_with("http://") => Scheme::Http,
        _ => return Err("must begin with `https://` or `http://`"),
    };
    let url = Url::parse(text).map_err(|_| "cannot be read as a URL")?;
    if !url.username().is_empty() || url.password().is_some() || has_at_sign(text) {
        return Err("holds a user name or a password; receivers know us by the signature");
    }
    if url.fragment().is_some() {
        return Err("has a fragment (`#…`), which is never sent");
    }
    let host = url.host().ok_or("has no host")?;
    let host = sound(&host)?;
    let port = url.port_or_known_default().ok_or("has no port")?;
    if port == 0 {
        return Err("has the port 0");
    }
    let path = url.path().trim_end_matches('/').to_owned();
    Ok((Entry { scheme, host, port, path }, url))
}

/// Whether something stands before an `@` in what comes before the path, be it empty.
fn has_at_sign(text: &str) -> bool {
    let authority = text.split("://").nth(1).unwrap_or_default();
    authority.split(['/', '?', '#']).next().unwrap_or_default().contains('@')
}

/// Reads a host by itself.
pub(crate) fn read_host(text: &str) -> Result<String, &'static str> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || "/\\@?#%".contains(c)) {
        return Err("has a host that holds more than a name or an address");
    }
    // A bare IPv6 address is a host too, in brackets as in a URL.
    let bracketed = match text.parse::<std::net::Ipv6Addr>() {
        Ok(_) => format!("[{text}]"),
        Err(_) => text.to_owned(),
    };
    sound(&Host::parse(&bracketed).map_err(|_| "has a host that cannot be read")?)
}

fn sound<S: AsRef<str>>(host: &Host<S>) -> Result<String, &'static str> {
    let host = match host {
        Host::Domain(name) => name.as_ref().to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => format!("[{address}]"),
    };
    if host.is_empty() {
        return Err("has no host");
    }
    if host.contains('*') {
        return Err("has a `*`; there are no wildcards, name each host");
    }
    // To a resolver the name with and without it may be two; certificates know it without.
    if host.ends_with('.') {
        return Err("has a host that ends in a dot");
    }
    Ok(host)
}

fn read_smtp(scheme: Scheme, rest: &str) -> Result<Entry, &'static str> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port: u16 = port.parse().map_err(|_| "has a port that is no number")?;
            (host, port)
        }
        _ => (rest, scheme.default_port()),
    };
    if port == 0 {
        return Err("has the port 0");
    }
    Ok(Entry { scheme, host: read_host(host)?, port, path: String::new() })
}
