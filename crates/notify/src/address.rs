//! Tells private addresses from public ones, and those that are never connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What may be done with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This machine or a private network.
    Private,
    /// Elsewhere. Carrier-grade NAT (100.64.0.0/10) counts as elsewhere: it is the provider's
    /// network, not the company's, and a cloud serves its metadata there.
    Public,
    /// Never connected to, for this reason.
    Never(&'static str),
}

/// What serves credentials of a cloud without asking who is there, within ranges that are private
/// otherwise. Sources: AWS "Instance metadata", Google Cloud "VM metadata", Alibaba Cloud "Instance
/// metadata".
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

/// What may be done with `address`.
pub(crate) fn reach(address: IpAddr) -> Reach {
    if METADATA.contains(&address) {
        return Reach::Never("is a cloud's metadata service");
    }
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

/// Source: RFC 6890 and IANA's "IPv4 Special-Purpose Address Registry".
fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        [0, ..] => Reach::Never("is unspecified"),
        [169, 254, ..] => Reach::Never("is link-local, where clouds serve credentials"),
        [192, 0, 0, _] => Reach::Never("is reserved"),
        [224..=239, ..] => Reach::Never("is multicast"),
        [240..=255, ..] => Reach::Never("is reserved"),
        _ if address.is_loopback() || address.is_private() => Reach::Private,
        _ => Reach::Public,
    }
}

/// Source: IANA's "IPv6 Special-Purpose Address Registry".
fn reach_v6(address: Ipv6Addr) -> Reach {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return reach(IpAddr::V4(mapped));
    }
    let segments = address.segments();
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never("is unspecified"),
        [0, 0, 0, 0, 0, 0, _, _] => Reach::Never("is an old form of an IPv4 address"),
        // NAT64: the IPv4 address that it leads to decides, and a private one has no business here.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => match reach_v4(joined(high, low)) {
            Reach::Public => Reach::Public,
            Reach::Private | Reach::Never(_) => Reach::Never("leads to a private network"),
        },
        [0x64, 0xff9b, 1, ..] | [0x2002, ..] | [0x2001, 0, ..] => {
            Reach::Never("is a tunnel into IPv4")
        }
        [0xfc00..=0xfdff, ..] => Reach::Private,
        [0xfe80..=0xfebf, ..] => Reach::Never("is link-local"),
        [0xfec0..=0xfeff, ..] => Reach::Never("is site-local, which was given up"),
        [0xff00..=0xffff, ..] => Reach::Never("is multicast"),
        _ => Reach::Public,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::{Reach, reach};

    #[test]
    fn every_range_has_its_reach() {
        let private = [
            "127.0.0.1",
            "127.255.255.254",
            "10.0.0.5",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "::1",
            "fc00::1",
            "fdff::1",
            "::ffff:10.0.0.5",
            "::ffff:127.0.0.1",
        ];
        let public = [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "2606:4700::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "11.0.0.1",
            "169.253.0.1",
        ];
        let never = [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "100.100.100.200",
            "::",
            "::127.0.0.1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "2002:7f00:1::",
            "2001:0:1::1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "::ffff:100.100.100.200",
        ];
        for (addresses, expected) in
            [(&private[..], "private"), (&public, "public"), (&never, "never")]
        {
            for address in addresses {
                let found = match reach(address.parse().unwrap()) {
                    Reach::Private => "private",
                    Reach::Public => "public",
                    Reach::Never(_) => "never",
                };
                assert_eq!(found, expected, "{address}");
            }
        }
    }
}
