use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use problem::Problem;

/// How the host says who is connected (Spin's name for it).
const PEER: &str = "spin-client-addr";

/// Where a request comes from, as far as that is known: for limits and the audit log, never for rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(Option<IpAddr>);

/// An operator's own proxies: only what they say about the client's address is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpAddr>);

impl TrustedProxies {
    /// Proxies with these addresses.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self(addresses.into_iter().map(|address| address.to_canonical()).collect())
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl ClientAddress {
    /// The peer's address; if the peer is a trusted proxy, the last hop in `x-forwarded-for` that is not one.
    ///
    /// A client may send the headers of the host too, and hosts append: only the last value is the host's own.
    pub fn of(headers: &HeaderMap, proxies: &TrustedProxies) -> Self {
        let last = headers.get_all(PEER).iter().next_back();
        let Some(peer) = last.and_then(|value| value.to_str().ok()).and_then(parse) else {
            return Self(None);
        };
        if !proxies.contains(peer) {
            return Self(Some(peer));
        }
        let values: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
        let hops = values.iter().rev().flat_map(|value| value.to_str().unwrap_or("").rsplit(','));
        for hop in hops {
            // Behind a hop that cannot be read nothing can be believed.
            let Some(address) = parse(hop.trim()) else { break };
            if !proxies.contains(address) {
                return Self(Some(address));
            }
        }
        Self(Some(peer))
    }

    /// The address itself, for the audit log.
    pub fn ip(self) -> Option<IpAddr> {
        self.0
    }

    /// Whom limits count together: an IPv4 address, an IPv6 network of 64 bits, of which one client has all; everyone who is unknown.
    pub fn network(self) -> Network {
        Network(self.0.map(|address| match address {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(network))
            }
        }))
    }
}

/// One client or one household, as far as addresses can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(Option<IpAddr>);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("unknown"),
        }
    }
}

/// An address with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let with_port = text.parse::<std::net::SocketAddr>().map(|address| address.ip());
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse();
    with_port.or_else(|_| bare()).ok().map(|address: IpAddr| address.to_canonical())
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    /// The route table puts it there for every route.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(pairs: &[(&'static str, &str)], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        let proxies = TrustedProxies::new(proxies.iter().map(|text| text.parse().unwrap()));
        ClientAddress::of(&headers, &proxies)
            .ip()
            .map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }

    #[test]
    fn nothing_that_a_client_sends_changes_its_address() {
        for name in [
            "x-forwarded-for",
            "forwarded",
            "x-real-ip",
            "x-client-ip",
            "true-client-ip",
            "cf-connecting-ip",
            "x-original-forwarded-for",
            "x-cluster-client-ip",
            "via",
            "spin-client-addr",
        ] {
            for value in ["6.6.6.6", "6.6.6.6:1", "for=6.6.6.6", "127.0.0.1", ""] {
                let pairs = [(name, value), (PEER, "192.0.2.1:5000")];
                assert_eq!(client(&pairs, &["127.0.0.1"]), "192.0.2.1", "{name}: {value}");
            }
        }
        assert_eq!(client(&[], &[]), "unknown");
        assert_eq!(client(&[(PEER, "nonsense")], &[]), "unknown");
        assert_eq!(client(&[(PEER, "[2001:db8::1]:443")], &[]), "2001:db8::1");
        assert_eq!(client(&[(PEER, "[::ffff:192.0.2.1]:443")], &[]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_is_believed_about_the_hop_before_it() {
        let via = |forwarded: &str| {
            client(
                &[("x-forwarded-for", forwarded), (PEER, "10.0.0.1:9")],
                &["10.0.0.1", "10.0.0.2"],
            )
        };
        assert_eq!(via("6.6.6.6, 192.0.2.1"), "192.0.2.1");
        assert_eq!(via("6.6.6.6, 192.0.2.1, 10.0.0.2"), "192.0.2.1");
        assert_eq!(via("[2001:db8::1]:80"), "2001:db8::1");
        assert_eq!(via("6.6.6.6, unknown"), "10.0.0.1");
        assert_eq!(via(""), "10.0.0.1");
        let two = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-for", "192.0.2.1"),
            (PEER, "10.0.0.1:9"),
        ];
        assert_eq!(client(&two, &["10.0.0.1"]), "192.0.2.1");
    }

    #[test]
    fn limits_count_an_ipv6_network_as_one() {
        let network = |text: &str| ClientAddress(Some(text.parse().unwrap())).network().to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("2001:db8:1:2:ffff::1"), "2001:db8:1:2::");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
        assert_eq!(ClientAddress(None).network().to_string(), "unknown");
    }
}
