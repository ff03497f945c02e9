//! Addresses that a component may and may not reach.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use std::net::IpAddr;

use manifest::{BlockedNetworks, Network};

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn check(block: &[&str], allow: &[&str], blocked: &[&str], open: &[&str]) {
    let rules = BlockedNetworks::new(&networks(block), &networks(allow));
    for (addresses, expected) in [(blocked, true), (open, false)] {
        for address in addresses {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(
                rules.blocks(parsed),
                expected,
                "{address}, block {block:?}, allow {allow:?}"
            );
        }
    }
}

/// The first and last address of every range that is no public unicast address, and ways around them.
const PRIVATE: &[&str] = &[
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.255",
    "192.88.99.0",
    "192.88.99.255",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.0",
    "198.51.100.255",
    "203.0.113.0",
    "203.0.113.255",
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.1.2.3",
    "::ffff:169.254.169.254",
    "::ffff:0.0.0.0",
    "64:ff9b::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    "100::",
    "100::ffff:ffff:ffff:ffff",
    "100:0:0:1::1",
    "2001::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db8::",
    "2001:db8:ffff::1",
    "2002::",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "3fff::",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    "5f00::",
    "5f00:ffff::1",
    "fc00::",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::",
    "fe80::1",
    "febf:ffff::1",
    "fec0::1",
    "feff::1",
    "ff00::",
    "ff02::1",
    "ff0e::1",
    "ffff:ffff::1",
];

/// Neighbours of those ranges, and public addresses.
const PUBLIC: &[&str] = &[
    "1.0.0.0",
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2600::1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "3ffe:ffff::1",
    "3fff:1000::1",
];

#[test]
fn by_default_only_public_unicast_addresses_are_open() {
    check(&["private"], &[], PRIVATE, PUBLIC);
    assert_eq!(BlockedNetworks::default(), BlockedNetworks::new(&networks(&["private"]), &[]));
}

#[test]
fn an_empty_list_blocks_nothing() {
    check(&[], &[], &[], PRIVATE);
    check(&[], &[], &[], PUBLIC);
}

#[test]
fn an_allowed_network_opens_its_addresses_and_no_others() {
    check(
        &["private"],
        &["127.0.0.1/32"],
        &["127.0.0.2", "::1", "10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"],
        &["127.0.0.1", "::ffff:127.0.0.1", "8.8.8.8"],
    );
    check(
        &["private"],
        &["loopback"],
        &["10.0.0.1", "::2", "::"],
        &["127.0.0.1", "127.255.0.1", "::1"],
    );
    check(&["private"], &["10.1.0.0/16"], &["10.0.0.1", "10.2.0.1"], &["10.1.0.1", "10.1.255.255"]);
    check(&["private"], &["fd00:1::/32"], &["fd00:2::1"], &["fd00:1::1"]);
    check(&["private"], &["192.168.1.7"], &["192.168.1.6", "192.168.1.8"], &["192.168.1.7"]);
    check(&["private"], &["::ffff:10.0.0.0/104"], &["127.0.0.1"], &["10.9.9.9"]);
}

#[test]
fn an_allowed_translation_prefix_does_not_open_what_it_carries() {
    check(
        &["private"],
        &["64:ff9b::/96", "2002::/16", "2001::/32", "64:ff9b:1::/48"],
        // Teredo carries the client's address inverted: 80ff:fffe is 127.0.0.1.
        &["64:ff9b::7f00:1", "2002:a00:1::1", "2001:0:1:2:3:4:80ff:fffe", "64:ff9b:1::a9fe:a9fe"],
        &["64:ff9b::808:808", "2002:808:808::1", "2001:0:1:2:3:4:f7f7:f7f7", "64:ff9b:1::808:808"],
    );
}

#[test]
fn a_blocked_ipv4_network_is_blocked_in_every_disguise() {
    check(
        &["8.8.8.0/24"],
        &[],
        &[
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2001:0:1:2:3:4:f7f7:f7f7",
        ],
        &["8.8.9.8", "::ffff:8.8.9.8", "64:ff9b::808:908", "127.0.0.1", "::1"],
    );
    check(&["::ffff:8.8.8.0/120"], &[], &["8.8.8.8", "::ffff:8.8.8.8"], &["8.8.9.8"]);
    check(&["1.1.1.1/8"], &[], &["1.2.3.4"], &["2.2.3.4"]);
}

#[test]
fn networks_are_written_as_ranges_addresses_or_keywords() {
    for text in ["10.0.0.0/8", "10.1.2.3/8", "10.0.0.1", "::1", "fc00::/7", "private", "loopback"] {
        assert!(text.parse::<Network>().is_ok(), "{text}");
    }
    for text in [
        "",
        "Private",
        "10.0.0.0/33",
        "10.0.0",
        "::/129",
        "localhost",
        "10.0.0.0/",
        " 10.0.0.1",
        "10.0.0.01",
    ] {
        let error = text.parse::<Network>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("`{text}` is not a network")), "{error}");
    }
}
