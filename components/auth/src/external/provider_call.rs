//! Requests to providers. All together take five seconds at most: people are waiting (SECURITY R40).

use std::time::Duration;

use ambient::UnixMillis;
use axum::http::{StatusCode, header};
use egress::{Limits, Request, Response, Target};
use oidc::{
    Discovery, Form, Identity, TokenRequest, introspection_request, read_id_token,
    read_introspection,
};
use settings::{Introspection, OidcProvider};

use super::{ProviderError, Refusal};
use crate::error::AuthError;
use crate::service::Auth;

const DISCOVERY_MAX: Duration = Duration::from_millis(1500);
const KEY_SET_MAX: Duration = Duration::from_secs(1);
const QUESTION_MAX: Duration = Duration::from_millis(2500);

/// How large a provider's document may be. Theirs have a tenth of this.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;

impl Auth {
    /// The provider's description, as text and read.
    pub(super) async fn fetch_discovery(
        &self,
        provider: &OidcProvider,
    ) -> Result<(String, Discovery), ProviderError> {
        let text = self.fetch(provider.discovery.clone(), DISCOVERY_MAX).await?;
        let discovery = Discovery::read(text.as_bytes(), &provider.issuer)?;
        Ok((text, discovery))
    }

    /// The provider's key set as text.
    pub(super) async fn fetch_key_set(&self, url: &str) -> Result<String, ProviderError> {
        self.fetch(self.settings.egress.check(url)?, KEY_SET_MAX).await
    }

    /// Exchanges a code for an ID token.
    pub(super) async fn redeem(
        &self,
        provider: &OidcProvider,
        discovery: &Discovery,
        request: &TokenRequest<'_>,
    ) -> Result<String, AuthError> {
        let target = self.settings.egress.check(&discovery.token_endpoint);
        let target = target.map_err(ProviderError::from)?;
        let response = self.ask(target, request.form(&provider.client, discovery)).await?;
        // RFC 6749 section 5.2: the code is wrong, spent or somebody else's. What is wrong with us comes as 401.
        if response.status == StatusCode::BAD_REQUEST {
            return Err(Refusal::Code.into());
        }
        let body = json(&response)?;
        Ok(read_id_token(body).map_err(|_| ProviderError::Malformed)?)
    }

    /// Asks the provider what an opaque token is good for. The answer is not kept: a token that the provider revokes is dead here too.
    pub(super) async fn introspect(
        &self,
        provider: &OidcProvider,
        introspection: &Introspection,
        token: &str,
        now: UnixMillis,
    ) -> Result<Identity, AuthError> {
        let form = introspection_request(token, &introspection.client);
        let response = self.ask(introspection.target.clone(), form).await?;
        let client_id = &provider.client.id;
        let answer = read_introspection(json(&response)?, &provider.issuer, client_id, now);
        Ok(answer.map_err(Refusal::from)?)
    }

    async fn fetch(&self, target: Target, total: Duration) -> Result<String, ProviderError> {
        let limits = Limits { total, body_bytes_max: DOCUMENT_BYTES_MAX };
        let response = self.egress.send(Request::get(target), limits).await?;
        let body = json(&response)?.to_vec();
        String::from_utf8(body).map_err(|_| ProviderError::Malformed)
    }

    async fn ask(&self, target: Target, form: Form) -> Result<Response, ProviderError> {
        let body = form.body.as_bytes().to_vec();
        let mut request = Request::post(target, "application/x-www-form-urlencoded", body);
        if let Some(authorization) = form.authorization {
            request = request.with_secret(header::AUTHORIZATION, &authorization)?;
        }
        let limits = Limits { total: QUESTION_MAX, body_bytes_max: DOCUMENT_BYTES_MAX };
        Ok(self.egress.send(request, limits).await?)
    }
}

/// The body of an answer that says that it is JSON, and that all went well.
fn json(response: &Response) -> Result<&[u8], ProviderError> {
    if response.status != StatusCode::OK {
        return Err(ProviderError::Status(response.status.as_u16()));
    }
    let media_type =
        response.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = media_type.trim().to_ascii_lowercase();
    let is_json =
        kind == "application/json" || kind.starts_with("application/") && kind.ends_with("+json");
    if is_json { Ok(&response.body) } else { Err(ProviderError::NotJson) }
}
