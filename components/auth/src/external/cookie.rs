//! What ties a sign-in at a provider to the browser that began it (SECURITY R32).

use axum::http::{HeaderMap, HeaderValue, header};
use credentials::OpaqueToken;

/// How long a browser may take at the provider, in seconds.
pub const FLOW_MAX_S: u64 = 600;

/// Under `__Host-` a browser takes a cookie only over TLS and from this host itself, so that no neighbouring one can plant it.
const NAME: &str = "__Host-selvage_oidc";

/// The name on one's own machine, without TLS.
const LOCAL_NAME: &str = "selvage_oidc";

/// The header `set-cookie` that keeps a secret in the browser.
pub fn keep(secret: &OpaqueToken, public_url: &str) -> Option<HeaderValue> {
    set(secret.reveal(), FLOW_MAX_S, public_url)
}

/// The header `set-cookie` that makes the browser forget it.
pub fn forget(public_url: &str) -> Option<HeaderValue> {
    set("", 0, public_url)
}

fn set(value: &str, max_age_s: u64, public_url: &str) -> Option<HeaderValue> {
    let name = name(public_url);
    let secure = if name == NAME { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The secret that the browser kept. Two cookies of the name are none: one of them was planted.
pub fn kept<'a>(headers: &'a HeaderMap, public_url: &str) -> Option<&'a str> {
    let name = name(public_url);
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(one, value)| (one == name).then_some(value));
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

fn name(public_url: &str) -> &'static str {
    if public_url.starts_with("https://") { NAME } else { LOCAL_NAME }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTTPS: &str = "https://chat.example";

    #[test]
    fn one_cookie_of_the_name_counts() {
        let kept_of = |cookies: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, HeaderValue::from_static(cookie));
            }
            kept(&headers, HTTPS).map(str::to_owned)
        };
        assert_eq!(kept_of(&[]), None);
        assert_eq!(kept_of(&["a=b; __Host-selvage_oidc=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(kept_of(&["__Host-selvage_oidc=x; __Host-selvage_oidc=x"]), None);
        assert_eq!(kept_of(&["__Host-selvage_oidc=x", "__Host-selvage_oidc=y"]), None);
        assert_eq!(kept_of(&["selvage_oidc=x"]), None);
        assert_eq!(kept_of(&["x__Host-selvage_oidc=x"]), None);
    }

    #[test]
    fn behind_tls_the_cookie_belongs_to_this_host_alone() {
        let text = |value: Option<HeaderValue>| value.unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            text(forget(HTTPS)),
            "__Host-selvage_oidc=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            text(forget("http://localhost:3000")),
            "selvage_oidc=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }
}
