use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use caller::ClientAddress;
use problem::Problem;

/// How much of `user-agent` is kept.
const USER_AGENT_CHARS_MAX: usize = 200;

/// What a request tells of the device that it comes from. People recognize their devices by it; only the address proves anything.
#[derive(Debug, Clone)]
pub struct Device {
    pub user_agent: Option<String>,
    pub address: ClientAddress,
}

impl Device {
    /// The address as the database keeps it.
    pub fn ip(&self) -> Option<String> {
        self.address.ip().map(|ip| ip.to_string())
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    let text: String =
        text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARS_MAX).collect();
    Some(text).filter(|text| !text.is_empty())
}

impl<S: Sync> FromRequestParts<S> for Device {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let address = ClientAddress::from_request_parts(parts, state).await?;
        Ok(Self { user_agent: user_agent(&parts.headers), address })
    }
}
