use ambient::UnixMillis;
use serde::Deserialize;

use crate::id_token::{Audience, is_subject};
use crate::request::Form;
use crate::{Client, Identity};

/// What a provider says of a token (RFC 7662 section 2.2).
#[derive(Deserialize)]
struct Answer {
    active: bool,
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    aud: Option<Audience>,
    #[serde(default)]
    exp: Option<u64>,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<serde_json::Value>,
    #[serde(default)]
    name: Option<String>,
}

/// What keeps an opaque token from counting. For the log: whoever sends tokens learns nothing from the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIntrospection {
    #[error("the answer of the introspection is malformed")]
    Malformed,
    #[error("the token is not active")]
    Inactive,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token was made for another client")]
    Client,
    #[error("the token names no subject")]
    Subject,
}

/// The question about a token (RFC 7662 section 2.1).
pub fn introspection_request(token: &str, client: &Client) -> Form {
    Form::new(&[("token", token), ("token_type_hint", "access_token")], client, false)
}

/// Reads what a provider says of a token.
///
/// It counts only if the provider names `client_id` as the one that the token was made for: a token that people gave to another application
/// must not open anything here.
///
/// # Errors
/// [`InvalidIntrospection`].
pub fn read_introspection(
    document: &[u8],
    issuer: &str,
    client_id: &str,
    now: UnixMillis,
) -> Result<Identity, InvalidIntrospection> {
    let answer: Answer =
        serde_json::from_slice(document).map_err(|_| InvalidIntrospection::Malformed)?;
    let now_s = now.as_seconds();
    let is_now =
        answer.exp.is_none_or(|exp| now_s < exp) && answer.nbf.is_none_or(|nbf| nbf <= now_s);
    if !answer.active || !is_now {
        return Err(InvalidIntrospection::Inactive);
    }
    if answer.iss.is_some_and(|one| one != issuer) {
        return Err(InvalidIntrospection::Issuer);
    }
    let is_for_us = match (&answer.client_id, &answer.aud) {
        (Some(client), _) => client == client_id,
        (None, Some(audience)) => audience.is_exactly(client_id),
        (None, None) => false,
    };
    if !is_for_us {
        return Err(InvalidIntrospection::Client);
    }
    let subject = answer.sub.filter(|sub| is_subject(sub)).ok_or(InvalidIntrospection::Subject)?;
    Ok(Identity::new(subject, answer.email, answer.email_verified.as_ref(), answer.name))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(answer: &Value) -> Result<Identity, InvalidIntrospection> {
        let now = UnixMillis(1_000_000);
        read_introspection(answer.to_string().as_bytes(), "https://id.example", "us", now)
    }

    #[test]
    fn only_an_active_token_of_this_client_counts() {
        let good = json!({"active": true, "sub": "ada", "client_id": "us", "exp": 1001});
        assert_eq!(read(&good).unwrap().subject, "ada");
        let with = |name: &str, value: Value| {
            let mut answer = good.clone();
            answer[name] = value;
            read(&answer).unwrap_err()
        };
        assert_eq!(with("active", json!(false)), InvalidIntrospection::Inactive);
        assert_eq!(with("active", json!("true")), InvalidIntrospection::Malformed);
        assert_eq!(with("exp", json!(1000)), InvalidIntrospection::Inactive);
        assert_eq!(with("nbf", json!(1001)), InvalidIntrospection::Inactive);
        assert_eq!(with("iss", json!("https://evil.example")), InvalidIntrospection::Issuer);
        assert_eq!(with("client_id", json!("them")), InvalidIntrospection::Client);
        assert_eq!(with("client_id", Value::Null), InvalidIntrospection::Client);
        assert_eq!(with("sub", Value::Null), InvalidIntrospection::Subject);
        assert_eq!(with("sub", json!("")), InvalidIntrospection::Subject);
        assert_eq!(read(&json!([])), Err(InvalidIntrospection::Malformed));
    }

    #[test]
    fn without_a_client_the_only_audience_must_be_this_one() {
        for (audience, is_for_us) in [
            (json!("us"), true),
            (json!(["us"]), true),
            (json!(["us", "them"]), false),
            (json!([]), false),
            (json!("them"), false),
        ] {
            let answer = json!({"active": true, "sub": "ada", "aud": audience});
            assert_eq!(read(&answer).is_ok(), is_for_us, "{answer}");
        }
    }
}
