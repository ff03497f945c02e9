//! An OpenID provider on loopback that does what a test tells it, right or wrong, and a browser that goes there.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file is a crate of its own and uses its own part"
)]

pub mod faults;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::{Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use jwt_simple::prelude::*;
use oidc::code_challenge;
use serde_json::{Value, json};
use testing::{Answer, Client, HttpServer, MASTER_KEY, NOW};

use crate::support::{Setup, client_with};

pub const CALLBACK: &str = "/api/auth/oidc/acme/callback";
pub const START: &str = "/api/auth/oidc/acme/start";
pub const APP: &str = "https://app.example.com/signed-in";

/// What a path answers instead of what it should.
#[derive(Clone)]
pub struct Canned {
    pub status: u16,
    pub content_type: &'static str,
    pub location: Option<String>,
    pub body: Bytes,
}

/// How a token is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    Own,
    /// With a key that nobody has published.
    Another,
    /// With HMAC under the bytes of the published key.
    PublicKeyAsSecret,
    /// Not at all.
    Nobody,
}

/// What the provider does.
pub struct Script {
    pair: Ed25519KeyPair,
    pub origin: String,
    pub signer: Signer,
    /// Members that replace those of the token's header, its claims and the description. Null removes.
    pub header: Value,
    pub claims: Value,
    pub discovery: Value,
    /// By path; `None` breaks the connection off.
    pub answers: BTreeMap<&'static str, Option<Canned>>,
    pub introspection: Value,
    /// Nonce and challenge by code. A code counts once.
    codes: BTreeMap<String, (String, String)>,
    /// The paths that were asked for.
    pub seen: Vec<String>,
}

pub struct IdentityProvider {
    pub script: Arc<Mutex<Script>>,
    _server: HttpServer,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn patch(mut value: Value, patch: &Value) -> Value {
    for (name, replacement) in patch.as_object().into_iter().flatten() {
        if replacement.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = replacement.clone();
        }
    }
    value
}

impl Script {
    /// An ID token as the script says.
    pub fn id_token(&self, nonce: Option<&str>) -> String {
        let now_s = NOW.as_seconds();
        let alg = match self.signer {
            Signer::Own | Signer::Another => "EdDSA",
            Signer::PublicKeyAsSecret => "HS256",
            Signer::Nobody => "none",
        };
        let header = patch(json!({"alg": alg, "typ": "JWT", "kid": "k1"}), &self.header);
        let claims = json!({
            "iss": self.origin, "sub": "ada", "aud": "us", "exp": now_s + 600, "iat": now_s, "nonce": nonce,
            "email": "ada@example.com", "email_verified": true, "name": "Ada",
        });
        let claims = patch(claims, &self.claims);
        let signed = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = match self.signer {
            Signer::Own => b64(*self.pair.key_pair().as_ref().sk.sign(&signed, None)),
            Signer::Another => {
                b64(*Ed25519KeyPair::generate().key_pair().as_ref().sk.sign(&signed, None))
            }
            Signer::PublicKeyAsSecret => {
                let key = HS256Key::from_bytes(&self.pair.public_key().to_bytes());
                let token = key.authenticate(Claims::create(Duration::from_mins(5))).unwrap();
                token.rsplit_once('.').unwrap().1.to_owned()
            }
            Signer::Nobody => String::new(),
        };
        format!("{signed}.{signature}")
    }

    /// Does everything right again.
    pub fn repent(&mut self) {
        self.signer = Signer::Own;
        (self.header, self.claims, self.discovery) = (json!({}), json!({}), json!({}));
        self.answers.clear();
    }

    fn jwk(&self) -> Value {
        let x = b64(self.pair.public_key().to_bytes());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1", "use": "sig", "alg": "EdDSA", "x": x})
    }

    /// Gives out a code, as after somebody has typed a password there.
    pub fn code(&mut self, browser: &Browser) -> String {
        let code = format!("code-{}", self.codes.len());
        let bound = (browser.sent["nonce"].clone(), browser.sent["code_challenge"].clone());
        self.codes.insert(code.clone(), bound);
        code
    }

    fn answer(&mut self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let path = request.uri().path().to_owned();
        self.seen.push(path.clone());
        if let Some(canned) = self.answers.get(path.as_str()) {
            let canned = canned.clone()?;
            let mut response = Response::builder()
                .status(canned.status)
                .header(header::CONTENT_TYPE, canned.content_type);
            if let Some(location) = canned.location {
                response = response.header(header::LOCATION, location);
            }
            return Some(response.body(canned.body).unwrap());
        }
        let (status, body) = match path.as_str() {
            "/.well-known/openid-configuration" => (200, self.description()),
            "/jwks" => (200, json!({"keys": [self.jwk()]})),
            "/token" => self.redeem(request),
            "/introspect" => (200, self.introspection.clone()),
            _ => (404, json!({})),
        };
        let response = Response::builder().status(status);
        let response = response.header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        Some(response.body(body.to_string().into()).unwrap())
    }

    fn description(&self) -> Value {
        let origin = &self.origin;
        let description = json!({
            "issuer": origin, "authorization_endpoint": format!("{origin}/authorize"), "token_endpoint": format!("{origin}/token"),
            "jwks_uri": format!("{origin}/jwks"), "authorization_response_iss_parameter_supported": true,
        });
        patch(description, &self.discovery)
    }

    fn redeem(&mut self, request: &Request<Bytes>) -> (u16, Value) {
        // "us:hunter2"
        let is_client = request
            .headers()
            .get(header::AUTHORIZATION)
            .is_some_and(|value| value == "Basic dXM6aHVudGVyMg==");
        let form: BTreeMap<_, _> = form_urlencoded::parse(request.body()).into_owned().collect();
        let verifier = form.get("code_verifier").map(|verifier| code_challenge(verifier));
        let bound = form.get("code").and_then(|code| self.codes.remove(code));
        match bound {
            Some((nonce, challenge))
                if is_client
                    && verifier.as_ref() == Some(&challenge)
                    && form["redirect_uri"] == format!("http://localhost:3000{CALLBACK}") =>
            {
                (200, json!({"id_token": self.id_token(Some(&nonce)), "token_type": "Bearer"}))
            }
            _ => (400, json!({"error": "invalid_grant"})),
        }
    }
}

impl IdentityProvider {
    pub async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script {
            pair: Ed25519KeyPair::generate(),
            origin: String::new(),
            signer: Signer::Own,
            header: json!({}),
            claims: json!({}),
            discovery: json!({}),
            answers: BTreeMap::new(),
            introspection: json!({"active": false}),
            codes: BTreeMap::new(),
            seen: Vec::new(),
        }));
        let shared = Arc::clone(&script);
        let server = HttpServer::start(move |request| shared.lock().unwrap().answer(request)).await;
        script.lock().unwrap().origin = server.origin();
        Self { script, _server: server }
    }

    /// Changes what it does.
    pub fn with<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    /// How often it was asked for this path.
    pub fn count(&self, path: &str) -> usize {
        self.with(|script| script.seen.iter().filter(|seen| *seen == path).count())
    }

    pub fn id_token(&self) -> String {
        self.with(|script| script.id_token(None))
    }

    /// A deployment at which people may sign in with this provider, as `acme`.
    pub async fn setup(&self, variables: &[(&str, &str)]) -> Setup {
        let database = testing::database().await;
        let (client, hand) = self.client(&database, variables);
        Setup { client, database, hand }
    }

    /// An instance of it.
    pub fn client(
        &self,
        database: &database::Database,
        variables: &[(&str, &str)],
    ) -> (Client, ambient::Hand) {
        let origin = self.with(|script| script.origin.clone());
        let mut one = json!({
            "name": "acme", "label": "Acme", "issuer": origin, "client_id": "us", "client_secret": "hunter2", "return_to": [APP],
            "introspection": {"url": format!("{origin}/introspect")},
        });
        let acme = one.clone();
        one["name"] = json!("other");
        one["introspection"] = Value::Null;
        let providers = json!([acme, one]).to_string();
        let mut all = vec![
            ("master_key", MASTER_KEY),
            ("oidc_providers", &providers),
            ("egress_allow", &origin),
            ("limit_login", "off"),
            ("limit_signup", "off"),
            ("limit_refresh", "off"),
            ("limit_totp", "off"),
        ];
        all.extend_from_slice(variables);
        client_with(database, &all)
    }
}

/// A browser that was sent to the provider.
#[derive(Clone)]
pub struct Browser {
    /// What it was sent with.
    pub sent: BTreeMap<String, String>,
    pub cookie: Option<String>,
}

impl Browser {
    /// Goes to the provider.
    pub async fn depart(client: &Client, query: &str) -> Self {
        let answer = client.get(&format!("{START}{query}")).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        let location = answer.headers[header::LOCATION].to_str().unwrap();
        let (_, query) = location.split_once('?').unwrap();
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
        Self {
            sent: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            cookie: Some(cookie.split(';').next().unwrap().to_owned()),
        }
    }

    /// Comes back with these parameters.
    pub async fn arrive(&self, client: &Client, query: &[(&str, &str)]) -> Answer {
        let mut text = form_urlencoded::Serializer::new(String::new());
        self.arrive_with(client, &text.extend_pairs(query).finish()).await
    }

    pub async fn arrive_with(&self, client: &Client, query: &str) -> Answer {
        let mut request = client.request(Method::GET, &format!("{CALLBACK}?{query}"));
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        client.send(request.body("".into()).unwrap()).await
    }

    /// Signs in at the provider and comes back as it should.
    pub async fn sign_in(&self, client: &Client, provider: &IdentityProvider) -> Answer {
        let code = provider.with(|script| script.code(self));
        let issuer = provider.with(|script| script.origin.clone());
        let state = &self.sent["state"];
        self.arrive(client, &[("code", &code), ("state", state), ("iss", &issuer)]).await
    }
}
