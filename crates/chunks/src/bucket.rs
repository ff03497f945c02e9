//! What the operator says about a bucket: the variable `chunk_store`.

use egress::{Target, UrlPolicy};
use serde::Deserialize;
use sigv4::Credentials;

const REGION_BYTES_MAX: usize = 32;
const PREFIX_BYTES_MAX: usize = 256;
const CREDENTIAL_BYTES_MAX: usize = 256;
/// Session tokens have no length that AWS promises; theirs have about a kilobyte.
const SESSION_TOKEN_BYTES_MAX: usize = 4096;

/// A bucket of a service that speaks the protocol of S3, and how it is reached.
#[derive(Debug, Clone)]
pub struct S3Bucket {
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// Whose origin is called. It holds neither the name of the bucket in paths nor the prefix.
    pub(crate) origin: Target,
    /// What the path of every chunk begins with: a slash, and one at the end.
    pub(crate) folder: String,
}

/// The text does not say which bucket it is. What is wrong with it is told without any of its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseBucketError(String);

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Given {
    S3(GivenS3),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenS3 {
    bucket: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    session_token: Option<String>,
    #[serde(default)]
    endpoint: Option<String>,
    #[serde(default)]
    style: Option<Style>,
    #[serde(default)]
    prefix: Option<String>,
}

/// Where the name of the bucket stands in URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Style {
    /// In the path.
    Path,
    /// Before the name of the host.
    VirtualHost,
}

impl S3Bucket {
    /// Reads the JSON object of the variable `chunk_store`. The bucket is called where `policy` allows it and nowhere else.
    ///
    /// # Errors
    /// [`ParseBucketError`] with the first thing that is wrong.
    pub fn parse(text: &str, policy: &UrlPolicy) -> Result<Self, ParseBucketError> {
        // What serde says could quote a secret; its position cannot.
        let Given::S3(given) = serde_json::from_str(text).map_err(|error| {
            ParseBucketError(format!(
                "it is no JSON object with the type s3, the members bucket, region, access_key_id and secret_access_key, and perhaps \
                 session_token, endpoint, style (path or virtual-host) and prefix (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        read(given, policy).map_err(ParseBucketError)
    }
}

fn read(given: GivenS3, policy: &UrlPolicy) -> Result<S3Bucket, String> {
    let GivenS3 { bucket, region, access_key_id, secret_access_key, session_token, .. } = given;
    if !is_bucket(&bucket) {
        return Err("bucket: it is no name of a bucket".to_owned());
    }
    if !is_region(&region) {
        return Err("region: it is no region as eu-central-1".to_owned());
    }
    if !is_plain(&access_key_id, CREDENTIAL_BYTES_MAX) || access_key_id.contains(['/', ',']) {
        return Err("access_key_id: it is no id of an access key".to_owned());
    }
    if !is_plain(&secret_access_key, CREDENTIAL_BYTES_MAX) {
        return Err("secret_access_key: it is no secret of an access key".to_owned());
    }
    if session_token.as_deref().is_some_and(|token| !is_plain(token, SESSION_TOKEN_BYTES_MAX)) {
        return Err("session_token: it is no session token".to_owned());
    }
    let prefix = given.prefix.unwrap_or_default();
    if !is_prefix(&prefix) {
        return Err("prefix: it is no path of letters, digits, hyphens and underscores".to_owned());
    }
    // What AWS itself recommends; servers of one's own seldom have a name for each bucket.
    let usual = if given.endpoint.is_none() { Style::VirtualHost } else { Style::Path };
    let style = given.style.unwrap_or(usual);
    if style == Style::VirtualHost && bucket.contains('.') {
        return Err("bucket: a name with dots has no certificate as a host; choose the style path"
            .to_owned());
    }
    let endpoint = given.endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    let origin = origin(&endpoint, style, &bucket, policy)?;
    let prefix = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
    let folder = match style {
        Style::Path => format!("/{bucket}/{prefix}"),
        Style::VirtualHost => format!("/{prefix}"),
    };
    let credentials = Credentials::new(access_key_id, secret_access_key, session_token);
    Ok(S3Bucket { region, credentials, origin, folder })
}

/// The origin that is called, if the operator allows it.
fn origin(
    endpoint: &str,
    style: Style,
    bucket: &str,
    policy: &UrlPolicy,
) -> Result<Target, String> {
    let endpoint = endpoint.strip_suffix('/').unwrap_or(endpoint);
    let (scheme, authority) = endpoint.split_once("://").unwrap_or_default();
    if authority.contains(['/', '?', '#']) {
        return Err("endpoint: it is scheme, host and port alone".to_owned());
    }
    let url = match style {
        Style::Path => format!("{endpoint}/"),
        Style::VirtualHost => format!("{scheme}://{bucket}.{authority}/"),
    };
    policy.check(&url).map_err(|rule| format!("endpoint: {rule}"))
}

/// The rules that names of buckets have everywhere: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
fn is_bucket(name: &str) -> bool {
    let is_end = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|b| is_end(b) || matches!(b, b'-' | b'.'))
        && name.split('.').all(|label| {
            label.bytes().next().is_some_and(is_end) && label.bytes().last().is_some_and(is_end)
        })
}

fn is_region(region: &str) -> bool {
    (1..=REGION_BYTES_MAX).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_plain(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Segments that stand in a path as they are.
fn is_prefix(prefix: &str) -> bool {
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    prefix.is_empty() || prefix.len() <= PREFIX_BYTES_MAX && prefix.split('/').all(is_segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: &str = r#"{"type":"s3","bucket":"chunks","region":"eu-central-1","access_key_id":"AKIA","secret_access_key":"hunter2"}"#;

    fn parse(text: &str) -> Result<S3Bucket, ParseBucketError> {
        S3Bucket::parse(text, &"http://127.0.0.1:9000,http://a.test:9000".parse().unwrap())
    }

    /// With members in place of, or beside, those that are there.
    fn with(members: &str) -> Result<S3Bucket, ParseBucketError> {
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&format!("{{{members}}}")).unwrap();
        let mut given: serde_json::Value = serde_json::from_str(AWS).unwrap();
        given.as_object_mut().unwrap().extend(members);
        parse(&given.to_string())
    }

    #[test]
    fn what_is_malformed_is_refused_by_its_place_and_without_its_value() {
        for text in ["", "hunter2", "[]", "{}", r#"{"type":"hunter2"}"#, r#"{"type":"s3"}"#] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with("it is no JSON object with the type s3"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        for (members, place) in [
            (r#""hunter2":1"#, "it is no JSON object"),
            (r#""style":"hunter2""#, "it is no JSON object"),
            (r#""bucket":"""#, "bucket: "),
            (r#""bucket":"ab""#, "bucket: "),
            (r#""bucket":"Hunter2""#, "bucket: "),
            (r#""bucket":"hunter2/..""#, "bucket: "),
            (r#""bucket":"-hunter2""#, "bucket: "),
            (r#""bucket":"hunter2..a""#, "bucket: "),
            (r#""bucket":"hunter2.a""#, "bucket: a name with dots"),
            (r#""region":"""#, "region: "),
            (r#""region":"hunter2.example""#, "region: "),
            (r#""access_key_id":"""#, "access_key_id: "),
            (r#""access_key_id":"hunter2/""#, "access_key_id: "),
            (r#""secret_access_key":"hunter2 ""#, "secret_access_key: "),
            (r#""session_token":"""#, "session_token: "),
            (r#""session_token":"hunter2\r\na: b""#, "session_token: "),
            (r#""prefix":"/""#, "prefix: "),
            (r#""prefix":"a/../hunter2""#, "prefix: "),
            (r#""prefix":"a/""#, "prefix: "),
            (r#""prefix":"hunter2?""#, "prefix: "),
            (r#""endpoint":"""#, "endpoint: "),
            (r#""endpoint":"hunter2""#, "endpoint: "),
            (r#""endpoint":"http://hunter2.example""#, "endpoint: The URL must begin with https"),
            (r#""endpoint":"https://hunter2.example/a""#, "endpoint: it is scheme"),
            (r#""endpoint":"https://hunter2.example?a""#, "endpoint: it is scheme"),
            (r#""endpoint":"https://a:hunter2@b.example""#, "endpoint: "),
            (r#""endpoint":"https://169.254.169.254""#, "endpoint: "),
            (r#""endpoint":"http://127.0.0.1:9001""#, "endpoint: "),
            (r#""endpoint":"http://127.0.0.1:9000","style":"virtual-host""#, "endpoint: "),
        ] {
            let error = with(members).expect_err(members).to_string();
            assert!(error.starts_with(place), "{members}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_name_of_a_bucket_stands_where_its_style_says() {
        for (members, origin, folder) in [
            ("", "https://chunks.s3.eu-central-1.amazonaws.com", "/"),
            (r#""style":"path""#, "https://s3.eu-central-1.amazonaws.com", "/chunks/"),
            (
                r#""style":"path","bucket":"a.b1","prefix":"one/two""#,
                "https://s3.eu-central-1.amazonaws.com",
                "/a.b1/one/two/",
            ),
            (r#""endpoint":"http://127.0.0.1:9000/""#, "http://127.0.0.1:9000", "/chunks/"),
            (r#""endpoint":"http://test:9000","style":"virtual-host","bucket":"a00""#, "", ""),
            (
                r#""endpoint":"https://objects.example:8443","style":"virtual-host","prefix":"p_-1""#,
                "https://chunks.objects.example:8443",
                "/p_-1/",
            ),
        ] {
            let Ok(bucket) = with(members) else {
                assert_eq!(origin, "", "{members}");
                continue;
            };
            assert_eq!((bucket.origin.origin().as_str(), bucket.folder.as_str()), (origin, folder));
        }
    }

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let bucket = with(r#""session_token":"hunter2""#).unwrap();
        assert!(!format!("{bucket:?}").contains("hunter2"));
    }
}
