use std::time::Duration;

use ambient::UnixMillis;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::{AccountId, SessionId, TokenId, UserId};
use serde::Deserialize;

use crate::Verifier;

/// How long an access token lives.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// How long a token may claim to live, whoever signed it.
const LIFETIME_S_MAX: u64 = 15 * 60;

/// How far the clocks of two instances may differ.
pub const LEEWAY_S: u64 = 30;

/// A longer text is no token of ours.
pub const TOKEN_BYTES_MAX: usize = 4096;

/// The claim `aud` of every access token.
pub const AUDIENCE: &str = "selvage";

/// The header parameter `typ` (RFC 9068 section 2.1): it keeps other JWTs of ours from passing as access tokens.
pub(crate) const TYPE: &str = "at+jwt";

/// A thumbprint: 32 bytes in base64url.
const KID_CHARS: usize = 43;

/// The token is not valid. Deliberately without a reason: whoever sends tokens learns nothing from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct InvalidToken;

/// What an access token says. Its issuer and audience are those of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub user_id: UserId,
    pub account_id: AccountId,
    pub session_id: SessionId,
    pub token_id: TokenId,
    /// Seconds since 1970 (RFC 7519 `NumericDate`).
    pub issued_at_s: u64,
    /// Seconds since 1970; from this second on the token is over.
    pub expires_at_s: u64,
}

impl Claims {
    /// The claims of a token that is issued now.
    pub fn issued(
        at: UnixMillis,
        user_id: UserId,
        account_id: AccountId,
        session_id: SessionId,
        token_id: TokenId,
    ) -> Self {
        let issued_at_s = at.as_seconds();
        let expires_at_s = issued_at_s.saturating_add(ACCESS_TOKEN_LIFETIME.as_secs());
        Self { user_id, account_id, session_id, token_id, issued_at_s, expires_at_s }
    }
}

/// A token whose form and claims were checked, and whose signature was not: [`AccessToken::verify`] does that.
#[derive(Debug, Clone)]
pub struct AccessToken {
    kid: String,
    claims: Claims,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    iss: String,
    aud: String,
    sub: UserId,
    account: AccountId,
    sid: SessionId,
    jti: TokenId,
    iat: u64,
    nbf: u64,
    exp: u64,
}

impl AccessToken {
    /// Reads a compact JWS and checks everything but the signature and the time.
    ///
    /// Strict where RFC 8725 advises it: our own header parameters and claims, each exactly once and of its one type, no others;
    /// canonical base64url; one algorithm; one type; the exact issuer and audience.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn read(compact: &str, issuer: &str) -> Result<Self, InvalidToken> {
        if TOKEN_BYTES_MAX < compact.len() {
            return Err(InvalidToken);
        }
        let mut segments = compact.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return Err(InvalidToken);
        };
        let decode = |segment| URL_SAFE_NO_PAD.decode(segment).map_err(|_| InvalidToken);
        let header = decode(header)?;
        let header: Header<'_> = serde_json::from_slice(&header).map_err(|_| InvalidToken)?;
        let payload: Payload =
            serde_json::from_slice(&decode(payload)?).map_err(|_| InvalidToken)?;
        let kid_is_one = header.kid.len() == KID_CHARS
            && header.kid.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        let is_ours = header.alg == "EdDSA"
            && header.typ == TYPE
            && kid_is_one
            && decode(signature)?.len() == 64
            && payload.iss == issuer
            && payload.aud == AUDIENCE
            && payload.iat <= payload.exp
            && payload.exp - payload.iat <= LIFETIME_S_MAX
            && payload.nbf <= payload.exp;
        if !is_ours {
            return Err(InvalidToken);
        }
        Ok(Self {
            kid: header.kid.to_owned(),
            claims: Claims {
                user_id: payload.sub,
                account_id: payload.account,
                session_id: payload.sid,
                token_id: payload.jti,
                issued_at_s: payload.iat.max(payload.nbf),
                expires_at_s: payload.exp,
            },
        })
    }

    /// Checks the time: begun, and not over, give or take [`LEEWAY_S`].
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn check_time(&self, now: UnixMillis) -> Result<(), InvalidToken> {
        let now_s = now.as_seconds();
        let has_begun = self.claims.issued_at_s <= now_s.saturating_add(LEEWAY_S);
        let is_over = self.claims.expires_at_s.saturating_add(LEEWAY_S) <= now_s;
        if has_begun && !is_over { Ok(()) } else { Err(InvalidToken) }
    }

    /// Checks the signature; `compact` is the text that this was read from.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn verify(&self, compact: &str, verifier: &Verifier) -> Result<(), InvalidToken> {
        verifier.check(compact)
    }

    /// The key that it says it was signed with.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}
