use std::net::IpAddr;

use super::Connections;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_has_its_bound_and_others_do_not_feel_it() {
    let connections = Connections::default();
    let (greedy, modest) = (address("10.0.0.1"), address("10.0.0.2"));
    let first = connections.enter(greedy, Some(2)).unwrap();
    let _second = connections.enter(greedy, Some(2)).unwrap();
    assert!(connections.enter(greedy, Some(2)).is_none());
    assert!(connections.enter(modest, Some(2)).is_some());
    assert_eq!((connections.open(), connections.refused()), (2, 1));
    drop(first);
    assert!(connections.enter(greedy, Some(2)).is_some());
}

#[test]
fn this_machine_is_not_bounded() {
    let connections = Connections::default();
    for own in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        let _first = connections.enter(address(own), Some(1)).unwrap();
        assert!(connections.enter(address(own), Some(1)).is_some(), "{own}");
    }
}

#[test]
fn addresses_of_one_network_of_ipv6_are_one() {
    let connections = Connections::default();
    let _first = connections.enter(address("fd00::1"), Some(1)).unwrap();
    assert!(connections.enter(address("fd00::2"), Some(1)).is_none());
    assert!(connections.enter(address("fd00:0:0:1::1"), Some(1)).is_some());
    let _mapped = connections.enter(address("::ffff:10.0.0.1"), Some(1)).unwrap();
    assert!(connections.enter(address("10.0.0.1"), Some(1)).is_none());
}

#[test]
fn without_a_bound_all_are_counted_and_nothing_is_left_behind() {
    let connections = Connections::default();
    let open: Vec<_> =
        (0..100).filter_map(|_| connections.enter(address("10.0.0.1"), None)).collect();
    assert_eq!(connections.open(), 100);
    drop(open);
    assert_eq!(connections.open(), 0);
    assert!(connections.locked().by_address.is_empty());
}
