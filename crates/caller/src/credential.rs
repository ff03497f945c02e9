use axum::http::{HeaderMap, header};
use credentials::ApiKeyToken;
use problem::{Problem, kinds};

/// What a request authenticates itself with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    /// An access token, to be verified.
    Bearer(&'a str),
    /// An API key, in whichever header it came: the rights are the same.
    ApiKey(&'a str),
    /// None that this product knows, or none at all.
    None,
}

/// Finds the one credential of a request.
///
/// # Errors
/// 400 when there are two: a proxy and we might pick different ones.
pub(crate) fn find(headers: &HeaderMap) -> Result<Credential<'_>, Problem> {
    let authorizations = headers.get_all(header::AUTHORIZATION).iter().count();
    let api_keys = headers.get_all("x-api-key").iter().count();
    if 1 < authorizations + api_keys {
        return Err(Problem::new(
            &kinds::AMBIGUOUS_CREDENTIALS,
            "Send exactly one credential, in one header.",
        ));
    }
    if let Some(value) = headers.get("x-api-key") {
        let key = value.to_str().ok().filter(|text| ApiKeyToken::is_one(text));
        return Ok(key.map_or(Credential::None, Credential::ApiKey));
    }
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token);
    Ok(match token {
        Some(token) if ApiKeyToken::is_one(token) => Credential::ApiKey(token),
        Some(token) => Credential::Bearer(token),
        None => Credential::None,
    })
}

#[cfg(test)]
mod tests {
    use ambient::Entropy;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn two_credentials_are_one_too_many() {
        for pairs in [
            [("authorization", "Bearer a"), ("authorization", "Bearer a")],
            [("authorization", "Bearer a"), ("x-api-key", "a")],
            [("x-api-key", "a"), ("x-api-key", "b")],
        ] {
            let problem = find(&headers(&pairs)).unwrap_err();
            assert_eq!(problem.kind(), &kinds::AMBIGUOUS_CREDENTIALS, "{pairs:?}");
        }
    }

    #[test]
    fn only_the_scheme_bearer_counts() {
        for value in ["", "Bearer", "Basic a", "a", "Bearera b", "bearer\ta"] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(find(&headers).unwrap(), Credential::None, "{value:?}");
        }
        for value in ["Bearer a", "bearer a", "BEARER a"] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(find(&headers).unwrap(), Credential::Bearer("a"), "{value:?}");
        }
    }

    #[test]
    fn an_api_key_is_one_in_either_header_and_nothing_else_is_one_in_its_own() {
        let key = ApiKeyToken::generate(&Entropy::sequence(1)).unwrap();
        let key = key.reveal();
        let bearer = format!("Bearer {key}");
        for headers in [headers(&[("authorization", &bearer)]), headers(&[("x-api-key", key)])] {
            assert_eq!(find(&headers).unwrap(), Credential::ApiKey(key));
        }
        let altered = format!("{key}x");
        for value in ["", "a", "a.b.c", &altered, &key[1..]] {
            let headers = headers(&[("x-api-key", value)]);
            assert_eq!(find(&headers).unwrap(), Credential::None, "{value:?}");
        }
    }
}
