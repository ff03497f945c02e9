use axum::http::{HeaderMap, header};
use problem::{Problem, kinds};

/// What a request authenticates itself with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credential<'a> {
    Bearer(&'a str),
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
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token);
    Ok(token.map_or(Credential::None, Credential::Bearer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
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
        assert_eq!(find(&headers(&[("x-api-key", "a")])).unwrap(), Credential::None);
    }
}
