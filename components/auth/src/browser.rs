//! Clients in browsers: their refresh token is in a cookie that no script reads (SECURITY R31).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use problem::{Json, Problem, kinds};
use url::Url;

use crate::error::AuthError;
use crate::service::{Auth, REFRESH_TOKEN_IDLE, Revealed, SignedIn};

/// The header with which a client says that it runs in a browser. No form and no link can send it, and other origins have to ask first.
const CLIENT: &str = "x-selvage-client";

/// The prefix makes browsers demand the attributes below, and keeps sibling domains from setting it.
const COOKIE: &str = "__Host-selvage_refresh";

/// The same when it is set and when it is taken back: otherwise browsers keep it.
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// Where a request comes from, and with that where its refresh token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Anything that keeps its refresh token itself, and gets it in the body.
    Program,
    /// A page of this deployment, which gets it as a cookie.
    Browser,
}

/// The refresh token in the cookie, if there is one.
pub struct RefreshCookie(pub Option<String>);

impl Client {
    /// The answer to someone who has just signed in.
    pub fn answer(self, status: StatusCode, mut signed_in: SignedIn) -> Result<Response, Problem> {
        if self == Self::Program {
            return Ok((status, Json(signed_in)).into_response());
        }
        let token = signed_in.refresh_token.take();
        let token = token.as_ref().map(Revealed::as_str).unwrap_or_default();
        let lifetime = REFRESH_TOKEN_IDLE.as_secs();
        let cookie = format!("{COOKIE}={token}; Max-Age={lifetime}; {ATTRIBUTES}");
        Ok((status, with_cookie(&cookie)?, Json(signed_in)).into_response())
    }

    /// The answer to someone who has signed out.
    pub fn farewell(self) -> Result<Response, Problem> {
        if self == Self::Program {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let cookie = format!("{COOKIE}=; Max-Age=0; {ATTRIBUTES}");
        Ok((StatusCode::NO_CONTENT, with_cookie(&cookie)?).into_response())
    }

    /// The one refresh token of a request: in its body, or in its cookie.
    pub fn refresh_token(
        self,
        cookie: RefreshCookie,
        body: Option<String>,
    ) -> Result<String, Problem> {
        match (self, cookie.0, body) {
            (_, Some(_), Some(_)) => Err(ambiguous()),
            (_, None, Some(token)) | (Self::Browser, Some(token), None) => Ok(token),
            (Self::Browser, None, None) => Err(AuthError::InvalidRefreshToken.into()),
            (Self::Program, _, None) => {
                Err(Problem::new(&kinds::INVALID_REQUEST, "Send the refresh_token in the body."))
            }
        }
    }
}

fn with_cookie(cookie: &str) -> Result<HeaderMap, Problem> {
    let mut value = HeaderValue::from_str(cookie).map_err(|error| Problem::internal(&error))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(header::SET_COOKIE, value)]))
}

fn ambiguous() -> Problem {
    let detail = "Send one refresh token: in the body, or in the cookie.";
    Problem::new(&kinds::AMBIGUOUS_CREDENTIALS, detail)
}

impl FromRequestParts<Auth> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, auth: &Auth) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(CLIENT).iter();
        match (values.next().map(HeaderValue::as_bytes), values.next()) {
            (None, None) => Ok(Self::Program),
            (Some(b"browser"), None) => {
                check_origin(&parts.headers, &auth.settings.data.public_url)?;
                Ok(Self::Browser)
            }
            _ => Err(Problem::new(
                &kinds::INVALID_REQUEST,
                "The header X-Selvage-Client is browser or absent.",
            )),
        }
    }
}

/// Only pages of the deployment itself: the browser says so twice, and no script can make it say otherwise.
fn check_origin(headers: &HeaderMap, public_url: &str) -> Result<(), Problem> {
    let own = Url::parse(public_url).ok().map(|url| url.origin());
    let own = own.filter(url::Origin::is_tuple).map(|origin| origin.ascii_serialization());
    let is_own = own.is_some() && only(headers, "origin") == own.as_deref();
    if is_own && only(headers, "sec-fetch-site") == Some("same-origin") {
        return Ok(());
    }
    Err(Problem::new(
        &kinds::CROSS_SITE_REQUEST,
        "Browsers may do this from a page of this deployment alone.",
    ))
}

/// The value of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

impl<S: Sync> FromRequestParts<S> for RefreshCookie {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let headers = parts.headers.get_all(header::COOKIE).iter();
        let pairs =
            headers.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
        let mut tokens = pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == COOKIE)
            .map(|(_, token)| token.to_owned());
        match (tokens.next(), tokens.next()) {
            (_, Some(_)) => Err(ambiguous()),
            (token, None) => Ok(Self(token)),
        }
    }
}
