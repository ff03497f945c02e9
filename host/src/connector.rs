//! Outbound connections: names resolved by us, addresses checked, at the moment of connecting.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use manifest::BlockedNetworks;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::metrics::{Counter, Gauge, Held};
use crate::origin::{Origin, bare, default_port};

/// How long a connection may take to be established when the guest does not say.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

tokio::task_local! {
    /// The guest's own timeout. A pooled client hands nothing but the URI to its connector, so it comes in from the side.
    pub static CONNECT_WITHIN: Duration;
}

/// Why no connection was made.
#[derive(Debug)]
pub enum ConnectError {
    /// The URI names no host, or no port for its scheme.
    Uri,
    /// The name has no address.
    Name(io::Error),
    /// Every address of the name lies in a blocked network.
    Blocked,
    /// Too many connections are open already.
    Limit,
    Timeout,
    /// No address accepted the connection; the error is that of the last one.
    Refused(io::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uri => "the URI names no host to connect to",
            Self::Name(_) => "the host's name cannot be resolved",
            Self::Blocked => "the host's address is in a blocked network",
            Self::Limit => "too many outbound connections are open",
            Self::Timeout => "the connection was not established in time",
            Self::Refused(_) => "the host does not accept the connection",
        })
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Name(error) | Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// Where outbound connections may go, and how many there may be.
pub struct Network {
    pub blocked: BlockedNetworks,
    pub opened: Vec<Origin>,
    pub connections: Arc<Semaphore>,
    pub open: Arc<Gauge>,
    pub total: Arc<Counter>,
}

/// Connects for the pooled client.
#[derive(Clone)]
pub struct Connector(Arc<Network>);

impl Connector {
    pub fn new(network: Network) -> Self {
        Self(Arc::new(network))
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = OutboundConnection;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<OutboundConnection, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // Read here and not in the future, which the pool may move to another task.
        let within = CONNECT_WITHIN.try_with(|within| *within).unwrap_or(CONNECT_TIMEOUT);
        let network = self.0.clone();
        Box::pin(async move { network.connect(&uri, Instant::now() + within).await })
    }
}

impl Network {
    async fn connect(
        &self,
        uri: &Uri,
        deadline: Instant,
    ) -> Result<OutboundConnection, ConnectError> {
        let addresses =
            timeout_at(deadline, resolve(uri)).await.map_err(|_| ConnectError::Timeout)??;
        let addresses = self.permitted(uri, addresses)?;
        let permit = timeout_at(deadline, self.connections.clone().acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(ConnectError::Limit)?;
        let stream = connect_first(&addresses, deadline).await?;
        // Small frames must not wait for the peer's acknowledgement of the one before.
        stream.set_nodelay(true).map_err(ConnectError::Refused)?;
        self.total.add(1);
        Ok(OutboundConnection {
            stream: TokioIo::new(stream),
            _permit: permit,
            _open: self.open.hold(),
        })
    }

    /// The addresses that may be connected to. The name has been resolved already, so what is checked is what is used: a
    /// name whose answer changes between check and use gains nothing.
    fn permitted(
        &self,
        uri: &Uri,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, ConnectError> {
        if self.opened.iter().any(|origin| origin.contains(uri)) {
            return Ok(addresses);
        }
        addresses.retain(|address| !self.blocked.blocks(address.ip()));
        if addresses.is_empty() { Err(ConnectError::Blocked) } else { Ok(addresses) }
    }
}

/// The addresses of the URI's host, which may be an address itself; never an empty list.
async fn resolve(uri: &Uri) -> Result<Vec<SocketAddr>, ConnectError> {
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(ConnectError::Uri)?;
    let port =
        uri.port_u16().or_else(|| default_port(uri.scheme_str()?)).ok_or(ConnectError::Uri)?;
    if let Ok(address) = bare(host).parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let found = tokio::net::lookup_host((host, port)).await.map_err(ConnectError::Name)?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(ConnectError::Name(io::ErrorKind::AddrNotAvailable.into()));
    }
    Ok(addresses)
}

/// The first connection that succeeds; each address gets an equal share of the time that is left.
async fn connect_first(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<TcpStream, ConnectError> {
    let mut failure = ConnectError::Timeout;
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        match timeout_at(Instant::now() + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = ConnectError::Refused(error),
            Err(_) => failure = ConnectError::Timeout,
        }
    }
    Err(failure)
}

/// A connection that counts against the limit as long as it exists.
pub struct OutboundConnection {
    stream: TokioIo<TcpStream>,
    _permit: OwnedSemaphorePermit,
    _open: Held,
}

impl Connection for OutboundConnection {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for OutboundConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for OutboundConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(opened: &[&str]) -> Network {
        Network {
            blocked: BlockedNetworks::default(),
            opened: opened.iter().map(|origin| origin.parse().unwrap()).collect(),
            connections: Arc::new(Semaphore::new(1)),
            open: Arc::default(),
            total: Arc::default(),
        }
    }

    async fn connect(network: &Network, uri: &str) -> Result<OutboundConnection, ConnectError> {
        let deadline = Instant::now() + Duration::from_millis(300);
        network.connect(&uri.parse().unwrap(), deadline).await
    }

    #[tokio::test]
    async fn private_addresses_are_blocked_however_they_are_written() {
        let network = network(&["http://192.0.2.1:80"]);
        for uri in [
            "http://127.0.0.1/",
            "http://localhost/",
            "http://10.1.2.3/",
            "http://169.254.169.254/latest/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[fd00::1]/",
            "http://0.0.0.0/",
        ] {
            assert!(matches!(connect(&network, uri).await, Err(ConnectError::Blocked)), "{uri}");
        }
    }

    #[tokio::test]
    async fn an_opened_origin_is_reached_and_counted() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let network = network(&[&origin]);
        let connection = connect(&network, &origin).await.unwrap();
        assert_eq!(network.open.get(), 1);
        assert!(matches!(connect(&network, &origin).await, Err(ConnectError::Limit)));
        drop(connection);
        assert_eq!(network.open.get(), 0);
        assert!(connect(&network, &origin).await.is_ok());
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let network = network(&[&origin]);
        assert!(matches!(connect(&network, &origin).await, Err(ConnectError::Refused(_))));
    }
}
