//! AWS KMS (<https://docs.aws.amazon.com/kms/latest/APIReference/>): Encrypt and Decrypt with an encryption context.

use std::collections::BTreeMap;

use ambient::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{Egress, Request};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use sigv4::{Payload, Scope};
use zeroize::Zeroizing;

use crate::envelope::Key;
use crate::kek::{SERVICE_LIMITS, Wrapped};
use crate::services::AwsKey;
use crate::transit::{erased, failure};
use crate::{Row, Secret, VaultError};

/// Format 1, the service's own cipher.
const HEADER: [u8; 2] = [1, 3];

const JSON: &str = "application/x-amz-json-1.1";

static X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// One key there.
#[derive(Debug, Clone)]
pub(crate) struct AwsKms {
    key: AwsKey,
    egress: Egress,
    clock: Clock,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    key_id: &'a str,
    ciphertext_blob: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    #[serde(deserialize_with = "erased")]
    plaintext: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Failed {
    #[serde(rename = "__type")]
    kind: String,
}

impl AwsKms {
    pub fn new(key: AwsKey, egress: Egress, clock: Clock) -> Self {
        Self { key, egress, clock }
    }

    /// AWS keeps the versions of a key to itself, so that it has one name for all.
    pub fn id(&self) -> &str {
        &self.key.name
    }

    pub async fn wrap(&self, row: &Row<'_>, dek: &Key) -> Result<Wrapped, VaultError> {
        let plaintext = Zeroizing::new(STANDARD.encode(dek.as_bytes()));
        let body = Encrypt {
            key_id: &self.key.key,
            plaintext: &plaintext,
            encryption_context: self.context(row),
        };
        let answer: Encrypted = self.call("TrentService.Encrypt", &body).await?;
        let blob = STANDARD.decode(answer.ciphertext_blob);
        let blob = blob.map_err(|_| VaultError::Unavailable)?;
        let wrapped_dek = [HEADER.as_slice(), &blob].concat();
        Ok(Wrapped { kek_id: self.key.name.clone(), wrapped_dek })
    }

    pub async fn unwrap(&self, row: &Row<'_>, wrapped_dek: &[u8]) -> Result<Key, VaultError> {
        let blob = wrapped_dek.strip_prefix(&HEADER).ok_or(VaultError::Damaged)?;
        let body = Decrypt {
            key_id: &self.key.key,
            ciphertext_blob: &STANDARD.encode(blob),
            encryption_context: self.context(row),
        };
        let answer: Decrypted = self.call("TrentService.Decrypt", &body).await?;
        let dek = STANDARD.decode(answer.plaintext.as_bytes());
        let dek = Secret::new(dek.map_err(|_| VaultError::Unavailable)?);
        Key::from_slice(&dek).ok_or(VaultError::Damaged)
    }

    /// What the service binds a ciphertext to, and writes into CloudTrail: names and ids, nothing secret.
    fn context(&self, row: &Row<'_>) -> BTreeMap<&'static str, String> {
        let account = row.account_id.map(|id| id.to_string());
        let place = [
            ("selvage:kek", self.key.name.clone()),
            ("selvage:table", row.table.to_owned()),
            ("selvage:column", row.column.to_owned()),
            ("selvage:row", row.id.to_owned()),
        ];
        place.into_iter().chain(account.map(|id| ("selvage:account", id))).collect()
    }

    async fn call<T: for<'de> Deserialize<'de>>(
        &self,
        operation: &'static str,
        body: &impl Serialize,
    ) -> Result<T, VaultError> {
        let body = serde_json::to_vec(body).map_err(|_| VaultError::Refused)?;
        let AwsKey { region, credentials, endpoint, .. } = &self.key;
        let signed = sigv4::sign(
            credentials,
            Scope { region, service: "kms" },
            &sigv4::Request {
                method: "POST",
                host: endpoint.authority(),
                path: endpoint.path(),
                query: endpoint.query(),
                headers: &[("content-type", JSON), (X_AMZ_TARGET.as_str(), operation)],
                payload: Payload::Bytes(&body),
            },
            self.clock.now(),
        );
        let mut request = Request::post(endpoint.clone(), JSON, body);
        request.headers.insert(X_AMZ_TARGET.clone(), HeaderValue::from_static(operation));
        for (name, value) in signed {
            request = request
                .with_secret(HeaderName::from_static(name), &value)
                .map_err(|_| VaultError::Refused)?;
        }
        let response = self.egress.send(request, SERVICE_LIMITS).await.map_err(failure)?;
        if response.status == StatusCode::OK {
            return serde_json::from_slice(&response.body).map_err(|_| VaultError::Unavailable);
        }
        let failed: Option<Failed> = serde_json::from_slice(&response.body).ok();
        Err(refusal(response.status, failed.as_ref().map(|failed| failed.kind.as_str())))
    }
}

/// What a refusal means. The service names it, with or without a namespace before `#`.
fn refusal(status: StatusCode, kind: Option<&str>) -> VaultError {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return VaultError::Unavailable;
    }
    match kind.map(|kind| kind.rsplit('#').next().unwrap_or(kind)) {
        Some("InvalidCiphertextException" | "IncorrectKeyException") => VaultError::Damaged,
        Some(
            "ThrottlingException"
            | "LimitExceededException"
            | "DependencyTimeoutException"
            | "KeyUnavailableException"
            | "KMSInternalException",
        ) => VaultError::Unavailable,
        _ => VaultError::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_by_what_has_to_be_done() {
        let check = |status: u16, kind: Option<&str>, expected: &str| {
            let error = refusal(StatusCode::from_u16(status).unwrap(), kind);
            assert_eq!(format!("{error:?}"), expected, "{status} {kind:?}");
        };
        check(400, Some("InvalidCiphertextException"), "Damaged");
        check(400, Some("com.amazonaws.kms#InvalidCiphertextException"), "Damaged");
        check(400, Some("IncorrectKeyException"), "Damaged");
        check(400, Some("ThrottlingException"), "Unavailable");
        check(500, Some("KMSInternalException"), "Unavailable");
        check(503, None, "Unavailable");
        check(429, None, "Unavailable");
        check(400, Some("AccessDeniedException"), "Refused");
        check(400, Some("DisabledException"), "Refused");
        check(403, None, "Refused");
    }
}
