use std::net::IpAddr;
use std::time::Duration;

use limits::Limit;

use crate::variables::{Reading, boolean};

/// What every component with data needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSettings {
    /// `auto_migrate`, default true: whether the first request brings the database to the schema of this version.
    pub auto_migrate: bool,
    /// `public_url`, default `http://localhost:3000`: under which URL the deployment is reached. It is the issuer of access tokens, and
    /// what links in mails begin with; never taken from a request. Without a slash at its end.
    pub public_url: String,
    /// `trusted_proxies`, default none: addresses of proxies, separated by commas, whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// `limit_api`, default `600/60s`: requests of one session or API key.
    pub limit_api: Limit,
}

const PUBLIC_URL_DEFAULT: &str = "http://localhost:3000";

/// URLs are part of each token, which has 4 KiB.
const PUBLIC_URL_BYTES_MAX: usize = 256;

impl DataSettings {
    pub(crate) const NAMES: [&'static str; 4] =
        ["auto_migrate", "public_url", "trusted_proxies", "limit_api"];

    pub(crate) fn read(reading: &mut Reading<'_>) -> Option<Self> {
        let auto_migrate = reading.optional("auto_migrate", true, boolean);
        let public_url = reading.optional("public_url", PUBLIC_URL_DEFAULT.to_owned(), url);
        let trusted_proxies = reading.optional("trusted_proxies", Vec::new(), addresses);
        // A default that could not be counted would be one without a limit.
        let limit_api = Limit::new(600, Duration::from_mins(1))
            .and_then(|default| reading.optional("limit_api", default, str::parse));
        Some(Self {
            auto_migrate: auto_migrate?,
            public_url: public_url?,
            trusted_proxies: trusted_proxies?,
            limit_api: limit_api?,
        })
    }
}

impl DataSettings {
    /// Whether the deployment is reached on this machine alone: someone is trying it out.
    pub fn is_local(&self) -> bool {
        let authority = self.public_url.split('/').nth(2).unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next(),
            None => authority.split(':').next(),
        };
        let host = host.unwrap_or_default();
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

fn addresses(value: &str) -> Result<Vec<IpAddr>, &'static str> {
    let addresses: Result<_, _> = value.split(',').map(|address| address.trim().parse()).collect();
    addresses.map_err(|_| "it is no list of IP addresses separated by commas")
}

fn url(value: &str) -> Result<String, &'static str> {
    let url = value.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_url = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && url.len() <= PUBLIC_URL_BYTES_MAX
        && url.bytes().all(|b| {
            b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'?' | b'#' | b'@')
        });
    if is_url { Ok(url.to_owned()) } else { Err("it is no plain http:// or https:// URL") }
}
