//! An OpenID provider on loopback that vouches for everyone.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ed25519_compact::{KeyPair, Seed};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::header_of;

const CLIENT: &str = "walk";

/// An OpenID provider, which signs with a key that its discovery leads to.
#[derive(Debug)]
pub struct IdentityProvider {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    pair: KeyPair,
    origin: String,
    /// The subject and the nonce of each code.
    codes: Mutex<BTreeMap<String, (String, String)>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl IdentityProvider {
    /// Listens on this address.
    pub async fn listen(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the provider's address is free");
        let address = listener.local_addr().expect("the listener has an address");
        let shared = Arc::new(Shared {
            pair: KeyPair::from_seed(Seed::new([7; 32])),
            origin: format!("http://{address}"),
            codes: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { shared, task }
    }

    /// Its origin, as in `http://127.0.0.1:4711`.
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// The value of the variable `oidc_providers` that names it.
    pub fn variable(&self) -> String {
        let provider = json!({
            "name": "walk", "label": "Walk", "issuer": self.origin(), "client_id": CLIENT, "algorithms": ["EdDSA"],
        });
        json!([provider]).to_string()
    }

    /// An ID token for this subject.
    pub fn id_token(&self, subject: &str, nonce: Option<&str>) -> String {
        self.shared.id_token(subject, nonce)
    }

    /// Signs a browser in that was sent here with these headers. Gives the query and the cookie with which it goes back.
    pub fn sign_in(&self, headers: &HeaderMap, subject: &str) -> (String, String) {
        let location = header_of(headers, "location");
        let query = location.split_once('?').map_or("", |(_, query)| query);
        let sent: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let value = |name: &str| sent.get(name).cloned().unwrap_or_default();
        let code = format!("code-{subject}");
        let mut codes = self.shared.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.insert(code.clone(), (subject.to_owned(), value("nonce")));
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("code", &code).append_pair("state", &value("state"));
        let query = query.append_pair("iss", self.origin()).finish();
        let cookie = header_of(headers, "set-cookie");
        (query, cookie.split(';').next().unwrap_or_default().to_owned())
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn id_token(&self, subject: &str, nonce: Option<&str>) -> String {
        let now = ambient::Clock::system().now().as_seconds();
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "walk"});
        let claims = json!({
            "iss": self.origin, "sub": format!("{subject}-{now}"), "aud": CLIENT, "exp": now + 600, "iat": now, "nonce": nonce,
        });
        let mut claims = claims;
        if nonce.is_none() {
            claims.as_object_mut().expect("claims are an object").remove("nonce");
        }
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let signed = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims.to_string().as_bytes())
        );
        let signature = self.pair.sk.sign(&signed, None);
        format!("{signed}.{}", encode(&*signature))
    }

    fn answer(&self, path: &str, body: &[u8]) -> Value {
        let origin = &self.origin;
        match path {
            "/.well-known/openid-configuration" => json!({
                "issuer": origin, "authorization_endpoint": format!("{origin}/authorize"),
                "token_endpoint": format!("{origin}/token"), "jwks_uri": format!("{origin}/jwks"),
                "authorization_response_iss_parameter_supported": true,
            }),
            "/jwks" => {
                let x = URL_SAFE_NO_PAD.encode(*self.pair.pk);
                json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "walk", "use": "sig", "alg": "EdDSA", "x": x}]})
            }
            "/token" => {
                let form: BTreeMap<_, _> = form_urlencoded::parse(body).into_owned().collect();
                let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
                let bound = form.get("code").and_then(|code| codes.remove(code));
                let Some((subject, nonce)) = bound else {
                    return json!({"error": "invalid_grant"});
                };
                json!({"id_token": self.id_token(&subject, Some(&nonce)), "token_type": "Bearer", "access_token": "x"})
            }
            _ => json!({}),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| respond(Arc::clone(&shared), request));
            // A client that leaves is no failure.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn respond(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let answer = shared.answer(head.uri.path(), &body);
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::new(answer.to_string().into())).expect("the response is well-formed"))
}
