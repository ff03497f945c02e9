//! The routers of all components in one process, without sandbox and host.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ambient::{Afterwards, Clock, Entropy};
use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use chunks::{ChunkStore, KeyValueChunks};
use database::Database;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use settings::{
    AuthSettings, ChatSettings, ConfigSettings, ConversationsSettings, FilesSettings, Variables,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tower::ServiceExt as _;

use crate::Native;
use crate::process::{PROVIDER_KEY, VARIABLES};

/// Serves until SIGINT comes, from the database and the master key that `selvage up` left in the state directory.
pub async fn serve(arguments: &Native) -> Result<()> {
    let Native { state_dir, listen, provider } = arguments;
    let database = Database::open(&state_dir.join("selvage.db"))?;
    let chunks = KeyValueChunks::open(&state_dir.join("kv.db"))?;
    let variables = variables(state_dir, provider.as_deref())?;
    let application = Application::new(&database, &chunks.clone().into(), &variables)?;
    let listener = TcpListener::bind(listen).await?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, peer) = tokio::select! {
            connection = listener.accept() => connection?,
            _ = interrupted.recv() => break,
        };
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream, peer, application.clone()));
    }
    chunks.close().await?;
    database.close().await?;
    Ok(())
}

/// What the components are told.
fn variables(state_dir: &Path, provider: Option<&str>) -> Result<Variables> {
    let key = std::fs::read_to_string(state_dir.join("master.key"))
        .context("the state directory has no master key")?;
    let of_provider = provider.into_iter().flat_map(|origin| {
        [
            ("egress_allow", origin.to_owned()),
            ("openai_api_key", PROVIDER_KEY.to_owned()),
            ("openai_base_url", format!("{origin}/v1")),
        ]
    });
    let variables = VARIABLES.into_iter().map(|(name, value)| (name, value.to_owned()));
    Ok(variables.chain([("master_key", key.trim().to_owned())]).chain(of_provider).collect())
}

/// The router of each component, and which of them has a path: under Spin, `spin.toml` says that.
#[derive(Clone)]
struct Application {
    auth: Router,
    chat: Router,
    /// The others, by what each of their paths begins with, as `/api/search`.
    others: Arc<BTreeMap<&'static str, Router>>,
}

impl Application {
    fn new(database: &Database, chunks: &ChunkStore, variables: &Variables) -> Result<Self> {
        let settings = AuthSettings::new(variables)?;
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let auth = auth::router(database.clone(), settings, clock.clone(), entropy.clone())?;
        let settings = ConversationsSettings::new(variables)?;
        let conversations =
            conversations::router(database.clone(), settings, clock.clone(), entropy.clone());
        let settings = ConfigSettings::new(variables)?;
        let config = config::router(database.clone(), settings, clock.clone(), entropy.clone())?;
        let settings = FilesSettings::new(variables)?;
        let files = files::router(
            database.clone(),
            chunks.clone(),
            settings,
            clock.clone(),
            entropy.clone(),
        );
        let settings = ChatSettings::new(variables)?;
        let chat = chat::router(database.clone(), chunks.clone(), settings, clock, entropy)?;
        let mut others = BTreeMap::new();
        for (declarations, router) in [
            (conversations::declarations(), conversations),
            (config::declarations(), config),
            (files::declarations(), files),
            (chat::declarations(), chat.clone()),
        ] {
            let paths = declarations.iter().map(|route| route.path);
            let folders = paths.filter(|path| !is_of_chat(path)).filter_map(folder);
            others.extend(folders.map(|folder| (folder, router.clone())));
        }
        Ok(Self { auth, chat, others: Arc::new(others) })
    }

    async fn answer(
        &self,
        peer: SocketAddr,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        // A host says this of each request; limits are counted by it.
        if let Ok(peer) = HeaderValue::from_str(&peer.to_string()) {
            request.headers_mut().insert("spin-client-addr", peer);
        }
        let path = request.uri().path();
        let other = || folder(path).and_then(|folder| self.others.get(folder));
        let router = if is_of_chat(path) { &self.chat } else { other().unwrap_or(&self.auth) };
        let mut response = router.clone().oneshot(request.map(Body::new)).await?;
        if let Some(work) = response.extensions_mut().remove::<Afterwards>() {
            tokio::spawn(work.run());
        }
        Ok(response)
    }
}

/// Whether a path is one of those that end in runs: the others of a conversation are another component's.
fn is_of_chat(path: &str) -> bool {
    path.starts_with("/api/conversations/") && path.ends_with("/runs")
}

/// What a path begins with, as `/api/search`.
fn folder(path: &str) -> Option<&str> {
    let end = path.match_indices('/').nth(2).map_or(path.len(), |(end, _)| end);
    path.get(..end)
}

async fn connection(stream: TcpStream, peer: SocketAddr, application: Application) {
    let service = service_fn(move |request| {
        let application = application.clone();
        async move { application.answer(peer, request).await }
    });
    // A client that goes away ends only its own connection.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}
