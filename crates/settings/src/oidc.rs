use std::collections::BTreeSet;

use egress::{Target, UrlPolicy};
use oidc::{Algorithm, Client, ClientSecret};
use serde::Deserialize;

/// `oidc_providers`: a JSON array.
pub(crate) const NAME: &str = "oidc_providers";

const PROVIDERS_MAX: usize = 20;
const NAME_BYTES_MAX: usize = 32;
const SCOPES_DEFAULT: [&str; 3] = ["openid", "email", "profile"];

/// An OpenID provider at which people may sign in. The operator names it; nothing of it comes from a request.
#[derive(Debug, Clone)]
pub struct OidcProvider {
    /// What it is called in paths: letters a to z, digits and hyphens.
    pub name: String,
    /// What people see; by default the name.
    pub label: String,
    /// Exactly as the provider writes it.
    pub issuer: String,
    /// Where the issuer publishes its description.
    pub discovery: Target,
    pub client: Client,
    /// Separated by spaces; `openid` is always among them.
    pub scope: String,
    /// Where a browser may be sent after a sign-in, each to the letter.
    pub return_to: Vec<String>,
    /// How ID tokens may be signed; by default in all ways that are known here, none of which is symmetric.
    pub algorithms: Vec<Algorithm>,
    pub introspection: Option<Introspection>,
}

/// Where a provider says what an opaque token is good for (RFC 7662).
#[derive(Debug, Clone)]
pub struct Introspection {
    pub target: Target,
    /// Who asks; by default the client that signs people in.
    pub client: Client,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    name: String,
    #[serde(default)]
    label: Option<String>,
    issuer: String,
    client_id: String,
    #[serde(default)]
    client_secret: Option<String>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    #[serde(default)]
    return_to: Vec<String>,
    #[serde(default)]
    algorithms: Option<Vec<String>>,
    #[serde(default)]
    introspection: Option<GivenIntrospection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenIntrospection {
    url: String,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<String>,
}

/// Reads the list. `is_local` says whether someone is trying things out on their own machine, where a provider may be without TLS if
/// `egress_allow` opens it.
pub(crate) fn read(
    text: &str,
    policy: &UrlPolicy,
    is_local: bool,
) -> Result<Vec<OidcProvider>, String> {
    // What serde says could quote a secret; its position cannot.
    let given: Vec<Given> = serde_json::from_str(text).map_err(|error| {
        format!(
            "it is no JSON array of providers with name, issuer and client_id (line {}, column {})",
            error.line(),
            error.column()
        )
    })?;
    if PROVIDERS_MAX < given.len() {
        return Err(format!("it has more than {PROVIDERS_MAX} providers"));
    }
    let mut names = BTreeSet::new();
    let mut providers = Vec::with_capacity(given.len());
    for (n, given) in given.into_iter().enumerate() {
        check_name(&given.name).map_err(|rule| format!("name of provider {}: {rule}", n + 1))?;
        if !names.insert(given.name.clone()) {
            return Err(format!("two providers are called {}", given.name));
        }
        let name = given.name.clone();
        let provider = provider(given, policy, is_local);
        providers.push(provider.map_err(|rule| format!("provider {name}: {rule}"))?);
    }
    Ok(providers)
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    // People who sign in here are of the provider "local".
    if is_name && name != "local" {
        Ok(())
    } else {
        Err("it must have 1 to 32 letters a to z, digits or hyphens, and not be local")
    }
}

fn provider(given: Given, policy: &UrlPolicy, is_local: bool) -> Result<OidcProvider, String> {
    let url = |member: &str, text: &str| {
        if !is_local && !text.starts_with("https://") {
            return Err(format!("{member}: The URL must begin with https://."));
        }
        policy.check(text).map_err(|rule| format!("{member}: {rule}"))
    };
    url("issuer", &given.issuer)?;
    if given.issuer.contains('?') {
        return Err("issuer: an issuer has no query".to_owned());
    }
    let discovery = url("issuer", &oidc::Discovery::url(&given.issuer))?;
    let client = client(given.client_id, given.client_secret)?;
    let introspection = match given.introspection {
        None => None,
        Some(GivenIntrospection { url: text, client_id, client_secret }) => Some(Introspection {
            target: url("introspection", &text)?,
            client: match client_id {
                None => client.clone(),
                Some(id) => self::client(id, client_secret)?,
            },
        }),
    };
    for text in &given.return_to {
        check_return_to(text, is_local)?;
    }
    Ok(OidcProvider {
        label: given.label.unwrap_or_else(|| given.name.clone()),
        name: given.name,
        issuer: given.issuer,
        discovery,
        client,
        scope: scope(given.scopes)?,
        return_to: given.return_to,
        algorithms: algorithms(given.algorithms)?,
        introspection,
    })
}

fn client(id: String, secret: Option<String>) -> Result<Client, &'static str> {
    if id.is_empty() || secret.as_ref().is_some_and(String::is_empty) {
        return Err("client_id and client_secret must not be empty");
    }
    Ok(Client { id, secret: secret.map(ClientSecret::new) })
}

fn scope(given: Option<Vec<String>>) -> Result<String, &'static str> {
    let mut scopes =
        given.unwrap_or_else(|| SCOPES_DEFAULT.into_iter().map(str::to_owned).collect());
    let is_scope = |scope: &String| {
        !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\".contains(&b))
    };
    if !scopes.iter().all(is_scope) {
        return Err("scopes: one of them is none");
    }
    if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    Ok(scopes.join(" "))
}

fn algorithms(given: Option<Vec<String>>) -> Result<Vec<Algorithm>, String> {
    let Some(names) = given else { return Ok(Algorithm::ALL.to_vec()) };
    let algorithms = names.iter().map(|name| name.parse()).collect::<Result<Vec<_>, _>>();
    match algorithms {
        Ok(algorithms) if !algorithms.is_empty() => Ok(algorithms),
        Ok(_) => Err("algorithms: there must be one".to_owned()),
        Err(error) => Err(format!("algorithms: {error}")),
    }
}

/// The answer is put behind `#`, so an address must not have one. What browsers might read in another way than it is written is refused.
fn check_return_to(text: &str, is_local: bool) -> Result<(), &'static str> {
    let rest =
        text.strip_prefix("https://").or_else(|| text.strip_prefix("http://").filter(|_| is_local));
    let is_address = rest
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', ':', '?']))
        && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"#<>@\\^`{|}".contains(&b));
    if is_address {
        Ok(())
    } else {
        Err("return_to: an address must begin with https:// and have neither @ nor #")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({
            "name": "acme", "issuer": "https://id.example.com", "client_id": "us", "client_secret": "hunter2",
            "return_to": ["https://app.example.com/signed-in?x=1"],
            "introspection": {"url": "https://id.example.com/introspect"},
        })
    }

    fn read_one(provider: &Value, is_local: bool) -> Result<Vec<OidcProvider>, String> {
        let policy: UrlPolicy = "http://127.0.0.1:*".parse().unwrap();
        read(&json!([provider]).to_string(), &policy, is_local)
    }

    #[test]
    fn what_is_wrong_is_said_and_no_secret_with_it() {
        for (name, value, sentence) in [
            ("name", json!("Acme"), "name of provider 1: it must have 1 to 32"),
            ("name", json!("local"), "name of provider 1: it must have 1 to 32"),
            ("name", json!("a/../b"), "name of provider 1"),
            ("issuer", json!("http://id.example.com"), "provider acme: issuer: The URL must begin"),
            ("issuer", json!("http://127.0.0.1:9"), "provider acme: issuer: The URL must begin"),
            (
                "issuer",
                json!("https://127.0.0.1"),
                "provider acme: issuer: The URL must name a public",
            ),
            (
                "issuer",
                json!("https://id.internal"),
                "provider acme: issuer: The URL must name a public",
            ),
            (
                "issuer",
                json!("https://u:p@id.example.com"),
                "provider acme: issuer: The URL may not hold a user",
            ),
            (
                "issuer",
                json!("https://id.example.com#x"),
                "provider acme: issuer: The URL may not hold a frag",
            ),
            (
                "issuer",
                json!("https://id.example.com/?x"),
                "provider acme: issuer: an issuer has no query",
            ),
            ("client_id", json!(""), "provider acme: client_id and client_secret must"),
            ("client_secret", json!(""), "provider acme: client_id and client_secret must"),
            ("scopes", json!(["a b"]), "provider acme: scopes"),
            ("algorithms", json!([]), "provider acme: algorithms: there must be one"),
            ("algorithms", json!(["none"]), "provider acme: algorithms: it is none of RS256"),
            ("algorithms", json!(["HS256"]), "provider acme: algorithms: it is none of RS256"),
            (
                "introspection",
                json!({"url": "https://10.0.0.1/"}),
                "provider acme: introspection: The URL must",
            ),
            ("hunter2", json!(1), "it is no JSON array of providers"),
            ("client_id", json!(1), "it is no JSON array of providers"),
        ] {
            let mut wrong = good();
            wrong[name] = value;
            let error = read_one(&wrong, false).unwrap_err();
            assert!(error.starts_with(sentence), "{wrong}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let twice = json!([good(), good()]).to_string();
        let error = read(&twice, &UrlPolicy::default(), false).unwrap_err();
        assert_eq!(error, "two providers are called acme");
        let many = vec![good(); 21];
        assert!(read(&json!(many).to_string(), &UrlPolicy::default(), false).is_err());
    }

    #[test]
    fn addresses_that_could_mislead_a_browser_are_refused() {
        for (name, value, sentence) in [
            ("return_to", json!(["//app.example.com"]), "provider acme: return_to"),
            ("return_to", json!(["http://app.example.com"]), "provider acme: return_to"),
            (
                "return_to",
                json!(["https://app.example.com@evil.example"]),
                "provider acme: return_to",
            ),
            ("return_to", json!(["https://app.example.com\\@evil"]), "provider acme: return_to"),
            ("return_to", json!(["https:///evil.example"]), "provider acme: return_to"),
            ("return_to", json!(["https://app.example.com/#x"]), "provider acme: return_to"),
            (
                "return_to",
                json!(["https://app.example.com/\r\nset-cookie: x"]),
                "provider acme: return_to",
            ),
            ("return_to", json!(["javascript:alert(1)"]), "provider acme: return_to"),
        ] {
            let mut wrong = good();
            wrong[name] = value;
            let error = read_one(&wrong, false).unwrap_err();
            assert!(error.starts_with(sentence), "{wrong}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_rest_has_defaults() {
        let provider = read_one(&good(), false).unwrap().remove(0);
        assert_eq!(provider.label, "acme");
        assert_eq!(provider.scope, "openid email profile");
        assert_eq!(provider.algorithms, Algorithm::ALL);
        assert_eq!(
            provider.discovery.as_str(),
            "https://id.example.com/.well-known/openid-configuration"
        );
        assert_eq!(provider.introspection.as_ref().unwrap().client.id, "us");
        assert!(!format!("{provider:?}").contains("hunter2"));
    }

    #[test]
    fn a_provider_without_tls_is_for_one_s_own_machine() {
        let mut local = good();
        local["issuer"] = json!("http://127.0.0.1:9/realm");
        local["return_to"] = json!(["http://localhost:5173/"]);
        assert_eq!(read_one(&local, true).unwrap().len(), 1);
        local["issuer"] = json!("http://id.example.com");
        assert!(read_one(&local, true).is_err(), "egress_allow does not open it");
    }
}
