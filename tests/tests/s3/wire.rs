//! A wire that can be cut: connections to one port are passed on to another, until they are not.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

pub struct Wire {
    from: SocketAddr,
    to: SocketAddr,
    task: Option<JoinHandle<()>>,
}

impl Wire {
    pub async fn lay(to: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let from = listener.local_addr().unwrap();
        Self { from, to, task: Some(tokio::spawn(pass(listener, to))) }
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.from.port()
    }

    /// Nobody is there any more; what was on its way is lost.
    pub async fn cut(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        drop(task.await);
    }

    pub async fn mend(&mut self) {
        let listener = TcpListener::bind(self.from).await.unwrap();
        self.task = Some(tokio::spawn(pass(listener, self.to)));
    }
}

async fn pass(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut here, _)) = listener.accept().await {
        connections.spawn(async move {
            let mut there = TcpStream::connect(to).await?;
            tokio::io::copy_bidirectional(&mut here, &mut there).await
        });
    }
}
