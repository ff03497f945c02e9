//! Which addresses no component may reach, whatever name led to them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// Addresses that are checked when a connection is opened, after the name was resolved: the defence against names that
/// point into the operator's own network.
///
/// An IPv6 address that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) is blocked when either is.
/// An allowed network opens its addresses, not those that they carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedNetworks {
    blocked: Vec<IpNet>,
    allowed: Vec<IpNet>,
}

/// One entry of `block_networks` or `allow_networks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// `private`: everything that is not a public unicast address. Unlike Spin's keyword it also covers the
    /// translation prefixes, multicast and what was reserved since.
    Private,
    /// `loopback`: `127.0.0.0/8` and `::1`.
    Loopback,
    /// A network such as `10.0.0.0/8`, or one address.
    Cidr(IpNet),
}

/// Text that is not a [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a network; write one such as `10.0.0.0/8`, an address, `private` or `loopback`"
)]
pub struct NetworkError(String);

/// What is not a public unicast address: IANA's special-purpose registries (RFC 6890 and its successors),
/// multicast, and one public address that clouds answer from inside.
const PRIVATE: &[&str] = &[
    "0.0.0.0/8",        // this network, RFC 791
    "10.0.0.0/8",       // private, RFC 1918
    "100.64.0.0/10",    // carrier-grade NAT, RFC 6598
    "127.0.0.0/8",      // loopback
    "168.63.129.16/32", // Azure's host agent, which answers any virtual machine
    "169.254.0.0/16",   // link-local and most metadata services, RFC 3927
    "172.16.0.0/12",    // private, RFC 1918
    "192.0.0.0/24",     // protocol assignments, RFC 6890
    "192.0.2.0/24",     // documentation, RFC 5737
    "192.88.99.0/24",   // 6to4 relays, RFC 7526
    "192.168.0.0/16",   // private, RFC 1918
    "198.18.0.0/15",    // benchmarks, RFC 2544
    "198.51.100.0/24",  // documentation, RFC 5737
    "203.0.113.0/24",   // documentation, RFC 5737
    "224.0.0.0/4",      // multicast, RFC 5771
    "240.0.0.0/4",      // reserved and broadcast, RFC 1112
    "::/96",            // unspecified, loopback, IPv4-compatible, RFC 4291
    "64:ff9b::/96",     // NAT64, RFC 6052
    "64:ff9b:1::/48",   // local NAT64, RFC 8215
    "100::/64",         // discard, RFC 6666
    "100:0:0:1::/64",   // dummy prefix, RFC 9780
    "2001::/23",        // protocol assignments with Teredo and ORCHID, RFC 2928
    "2001:db8::/32",    // documentation, RFC 3849
    "2002::/16",        // 6to4, RFC 3056
    "3fff::/20",        // documentation, RFC 9637
    "5f00::/16",        // segment routing, RFC 9602
    "fc00::/7",         // unique local, RFC 4193
    "fe80::/10",        // link-local, RFC 4291
    "fec0::/10",        // site-local, RFC 3879
    "ff00::/8",         // multicast, RFC 4291
];

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

impl Default for BlockedNetworks {
    /// Blocks [`Network::Private`].
    fn default() -> Self {
        Self::new(&[Network::Private], &[])
    }
}

impl BlockedNetworks {
    /// Blocks `block` except for what `allow` covers.
    pub fn new(block: &[Network], allow: &[Network]) -> Self {
        let ranges = |networks: &[Network]| networks.iter().flat_map(Network::ranges).collect();
        Self { blocked: ranges(block), allowed: ranges(allow) }
    }

    /// Opens more networks.
    #[must_use]
    pub fn with_allowed(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.allowed.extend(networks);
        self
    }

    /// Whether no connection to `address` may be opened.
    pub fn blocks(&self, address: IpAddr) -> bool {
        // A mapped address is an IPv4 address to the operating system, so it is one here.
        let address = address.to_canonical();
        let carried = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => carried(address).map(IpAddr::V4),
        };
        self.blocks_exactly(address) || carried.is_some_and(|address| self.blocks_exactly(address))
    }

    fn blocks_exactly(&self, address: IpAddr) -> bool {
        let covers = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        covers(&self.blocked) && !covers(&self.allowed)
    }
}

impl Network {
    fn ranges(&self) -> Vec<IpNet> {
        let parse =
            |ranges: &[&str]| ranges.iter().filter_map(|range| range.parse().ok()).collect();
        match self {
            Self::Private => parse(PRIVATE),
            Self::Loopback => parse(LOOPBACK),
            Self::Cidr(network) => vec![canonical(*network)],
        }
    }
}

/// A network of mapped addresses as the IPv4 network that it is.
fn canonical(network: IpNet) -> IpNet {
    if let IpNet::V6(v6) = network
        && let Some(prefix) = v6.prefix_len().checked_sub(96)
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Ok(network) = IpNet::new(IpAddr::V4(v4), prefix)
    {
        return network.trunc();
    }
    network.trunc()
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        match text {
            "private" => return Ok(Self::Private),
            "loopback" => return Ok(Self::Loopback),
            _ => {}
        }
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        let network = text.parse::<IpNet>().or_else(|_| address());
        network.map(Self::Cidr).map_err(|_| NetworkError(text.to_owned()))
    }
}

/// The IPv4 address inside an IPv6 address that reaches it through a translator or a tunnel.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // `::` and `::1` are no IPv4-compatible addresses.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        // Teredo writes the client's address with all bits inverted, RFC 4380.
        [0x2001, 0, _, _, _, _, high, low] => Some(from(!high, !low)),
        _ => None,
    }
}
