//! Finds out whom a request comes from where proxies stand before the server.

use std::net::IpAddr;

use axum::http::HeaderMap;

const FORWARDED: &str = "x-forwarded-for";

/// Addresses that begin alike, such as `10.0.0.0/8`, or a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits of the address count.
    bits: u32,
}

impl Network {
    /// Reads an address, or a network in CIDR notation; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether `address` is one of these.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                first(u128::from(own.to_bits()) << 96, self.bits)
                    == first(u128::from(other.to_bits()) << 96, self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                first(own.to_bits(), self.bits) == first(other.to_bits(), self.bits)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The first `bits` of an address.
fn first(address: u128, bits: u32) -> u128 {
    128_u32.checked_sub(bits).map_or(address, |rest| address.checked_shr(rest).unwrap_or(0))
}

/// The address of the client: that of the connection, or where a trusted proxy has it, the right-most
/// address of `X-Forwarded-For` that is none of a trusted proxy. What stands further to the left the
/// client may have written itself.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    if !is_trusted(nearest) {
        return nearest;
    }
    let values = headers.get_all(FORWARDED).iter();
    let lines: Vec<&str> = values.map(|value| value.to_str().unwrap_or_default()).collect();
    for text in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        // Of what cannot be read nothing further is believed.
        let Some(address) = address(text.trim()) else { break };
        nearest = address.to_canonical();
        if !is_trusted(nearest) {
            break;
        }
    }
    nearest
}

/// Whether a request says that it comes through a proxy.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED)
}

/// An address, which some proxies write with its port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port)
}

/// What counts as one client: of IPv6 the network of 64 bits that a single machine has to itself.
pub(crate) fn as_one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{Network, as_one_client, client_address};

    #[track_caller]
    fn check(trusted: &[&str], peer: &str, forwarded: &[&str], expected: &str) {
        let trusted: Vec<Network> =
            trusted.iter().map(|text| Network::parse(text).unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
        }
        let found = client_address(peer.parse().unwrap(), &headers, &trusted);
        assert_eq!(found.to_string(), expected);
    }

    #[test]
    fn networks_hold_what_begins_alike() {
        let holds = |network: &str, address: &str| {
            Network::parse(network).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.200.1.2") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.0.0.5", "10.0.0.5") && !holds("10.0.0.5", "10.0.0.4"));
        assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("127.0.0.1", "::ffff:127.0.0.1"));
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "proxy", "10.0.0.0/x", "1.2.3.4:80"]
        {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_trusted_proxies_say_who_comes() {
        let own = "192.168.1.7";
        check(&[], own, &["8.8.8.8"], own);
        check(&["10.0.0.1"], own, &["8.8.8.8"], own);
        check(&["192.168.0.0/16"], own, &[], own);
        check(&["192.168.0.0/16"], own, &["8.8.8.8"], "8.8.8.8");
        check(&["192.168.0.0/16"], own, &["1.1.1.1, 8.8.8.8"], "8.8.8.8");
        check(&["192.168.0.0/16"], own, &["1.1.1.1", "8.8.8.8, 192.168.2.2"], "8.8.8.8");
        check(&["192.168.0.0/16"], own, &["192.168.3.3, 192.168.2.2"], "192.168.3.3");
        check(&["192.168.0.0/16"], own, &["1.1.1.1, unknown, 192.168.2.2"], "192.168.2.2");
        check(&["192.168.0.0/16"], own, &["8.8.8.8:4711"], "8.8.8.8");
        check(&["::1"], "::1", &["[2001:db8::1]:443"], "2001:db8::1");
    }

    #[test]
    fn a_machine_is_one_client() {
        let one = |text: &str| as_one_client(text.parse().unwrap()).to_string();
        assert_eq!(one("2001:db8:1:2:3::4"), "2001:db8:1:2::");
        assert_eq!(one("::ffff:8.8.8.8"), "8.8.8.8");
    }
}
