//! Every kind of problem that the API knows. This file is the public error contract and the source of `docs/problems.md`.

use std::fmt::Write as _;

use axum::http::StatusCode;

/// A kind of problem: what does not vary between its occurrences.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The stable name that programs compare.
    pub code: &'static str,
    /// A short summary for people, the same each time (RFC 9457 section 3.1.3).
    pub title: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// When it occurs and what to do, for the reference.
    pub meaning: &'static str,
}

impl Kind {
    /// The member `type`: the code under a prefix of this project.
    pub fn uri(&self) -> String {
        format!("urn:selvage:problem:{}", self.code)
    }
}

macro_rules! kinds {
    ($($name:ident $code:literal $status:ident $title:literal $meaning:literal;)+) => {
        $(
            #[doc = $meaning]
            pub static $name: Kind =
                Kind { code: $code, title: $title, status: StatusCode::$status, meaning: $meaning };
        )+

        /// Every kind, sorted by status and code.
        pub static ALL: &[&Kind] = &[$(&$name),+];
    };
}

kinds! {
    AMBIGUOUS_CREDENTIALS "ambiguous_credentials" BAD_REQUEST "More than one credential"
        "The request carries more than one credential. Send exactly one.";
    CREDENTIAL_IN_URL "credential_in_url" BAD_REQUEST "A credential stands in the URL"
        "URLs end up in logs and histories. Send credentials in headers, and replace this one.";
    INVALID_REQUEST "invalid_request" BAD_REQUEST "The request cannot be understood"
        "Malformed JSON, an unknown or missing field, a value of the wrong type, or an unknown query parameter.";
    EXTERNAL_SIGN_IN_REFUSED "external_sign_in_refused" UNAUTHORIZED "The provider's word does not count"
        "What came from an identity provider proves nothing here: forged, too old, used before, made for another application or browser, or \
         of somebody who may not sign in. The answer is the same for every cause; the audit log has it.";
    INVALID_CREDENTIALS "invalid_credentials" UNAUTHORIZED "The credentials are wrong"
        "No one signs in with this login and password. The answer is the same whether the login exists or not.";
    TOTP_REQUIRED "totp_required" UNAUTHORIZED "A code is needed"
        "Login and password are right, and the person has a second factor. Send its code as `totp`.";
    UNAUTHORIZED "unauthorized" UNAUTHORIZED "Authentication is needed"
        "The request carries no valid access token. Sign in, or refresh the token. The answer is the same for every cause.";
    CROSS_SITE_REQUEST "cross_site_request" FORBIDDEN "The page is not of this deployment"
        "A client in a browser (X-Selvage-Client: browser) needs the header Origin of the public URL and Sec-Fetch-Site: same-origin.";
    EMAIL_UNVERIFIED "email_unverified" FORBIDDEN "The address is not verified"
        "This needs a verified e-mail address. To someone who signs in with the right password a new mail is sent.";
    FORBIDDEN "forbidden" FORBIDDEN "The role does not allow this"
        "The credential is valid, but its role in this account is too low for this route.";
    INSUFFICIENT_SCOPE "insufficient_scope" FORBIDDEN "The API key does not allow this"
        "The API key is valid, but it was made without the scope of this route, or no API key may use the route.";
    PASSWORD_CHANGE_REQUIRED "password_change_required" FORBIDDEN "Another password is needed"
        "The password of the person was longer than what the hash covers that another system made of it. Choose another one with \
         `POST /api/auth/password`; until then the session is good for that, for `GET /api/me` and for signing out.";
    REAUTHENTICATION_FAILED "reauthentication_failed" FORBIDDEN "The current password is wrong"
        "What the request asks for needs the current password, and this is another one.";
    REAUTHENTICATION_REQUIRED "reauthentication_required" FORBIDDEN "The password is needed again"
        "This needs someone who has shown the password within the last ten minutes: POST /api/auth/reauthenticate, then try again.";
    MODEL_NOT_FOUND "model_not_found" NOT_FOUND "There is no such model"
        "The request names a model that the account does not see. GET /v1/models lists those that it sees.";
    NOT_FOUND "not_found" NOT_FOUND "Not found"
        "There is no such thing, or it belongs to another account. The answer is the same for both.";
    METHOD_NOT_ALLOWED "method_not_allowed" METHOD_NOT_ALLOWED "The route has no such method"
        "The path exists with other methods; the header Allow names them.";
    ALREADY_MEMBER "already_member" CONFLICT "The person is a member"
        "Whoever has this address is a member of the account already.";
    BUCKET_TAKEN "bucket_taken" CONFLICT "There is such a bucket"
        "A bucket has this name already.";
    CONTINUATION_ID_TAKEN "continuation_id_taken" CONFLICT "The continuation id is taken"
        "Another conversation of the account has this `continuation_id`.";
    EMAIL_TAKEN "email_taken" CONFLICT "The address is taken"
        "Someone has signed up with this e-mail address.";
    FILE_ATTACHED "file_attached" CONFLICT "The file is attached"
        "Conversations have this file. Detach it first, or delete it with `?force=true`, which detaches it.";
    IDENTITY_TAKEN "identity_taken" CONFLICT "The identity is taken"
        "Somebody, perhaps you, signs in with this identity already.";
    LAST_OWNER "last_owner" CONFLICT "An account needs an owner"
        "The last owner can neither leave nor get another role. Make someone else an owner first, or delete the account.";
    LAST_WAY_IN "last_way_in" CONFLICT "It is the only way to sign in"
        "Without this identity nobody could sign in as this person. Set a password or link another identity first.";
    LIMIT_REACHED "limit_reached" CONFLICT "There are too many already"
        "No more of these can be made. Delete some that are no longer needed.";
    NAME_TAKEN "name_taken" CONFLICT "The name is taken"
        "Another entry of this kind in the account has this name.";
    PERSONAL_ACCOUNT "personal_account" CONFLICT "This is a personal account"
        "A personal account has one owner for good and ends with its person.";
    PRIMARY_MODEL "primary_model" CONFLICT "The primary model follows the environment"
        "Provider, model and URL of the primary model come from the deployment's variables, and it cannot be deleted.";
    RUN_NOT_WAITING "run_not_waiting" CONFLICT "The run waits for nothing"
        "The run does not wait for a decision: it is at work, has ended, or somebody else has decided already.";
    STORAGE_QUOTA_EXCEEDED "storage_quota_exceeded" CONFLICT "The account has no room for it"
        "With this file the account would have more bytes or more files than it may. Delete some that are no longer needed.";
    TOTP_ENROLLED "totp_enrolled" CONFLICT "There is a second factor already"
        "The person has a confirmed second factor. Remove it first.";
    UPLOAD_INCOMPLETE "upload_incomplete" CONFLICT "Parts are missing"
        "The upload cannot be completed before all of its parts are there; `GET /api/uploads/{id}` lists those that are.";
    USERNAME_TAKEN "username_taken" CONFLICT "The user name is taken"
        "Someone has this user name.";
    PRECONDITION_FAILED "precondition_failed" PRECONDITION_FAILED "It has changed meanwhile"
        "The header If-Match names a version that is not the current one. Read it again and decide anew.";
    CONTENT_TOO_LARGE "content_too_large" PAYLOAD_TOO_LARGE "The body is too large"
        "The body is larger than the route takes.";
    FILE_TYPE_REFUSED "file_type_refused" UNSUPPORTED_MEDIA_TYPE "The file is of the wrong type"
        "The bucket does not take files of the declared type, or the name or the bytes are those of another type.";
    UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body has the wrong form"
        "The body needs the header content-type: application/json and no content-encoding.";
    RANGE_NOT_SATISFIABLE "range_not_satisfiable" RANGE_NOT_SATISFIABLE "The range lies outside of the file"
        "None of the ranges that the header Range names is in the file; Content-Range has its size.";
    CHECKSUM_MISMATCH "checksum_mismatch" UNPROCESSABLE_ENTITY "The bytes are not those that were announced"
        "The SHA-256 of what arrived is another one than the request says. Send it again.";
    IDEMPOTENCY_KEY_REUSED "idempotency_key_reused" UNPROCESSABLE_ENTITY "The key belongs to another request"
        "The Idempotency-Key was sent before with another method, path, query or body. Give each request a key of its own.";
    INVALID_CODE "invalid_code" UNPROCESSABLE_ENTITY "The code is wrong"
        "The code is not that of the moment, or was used before.";
    INVALID_TOKEN "invalid_token" UNPROCESSABLE_ENTITY "The token does not count"
        "A token that was mailed does not count: it was used, replaced by a newer one, or is too old.";
    MODEL_KEY_MISSING "model_key_missing" UNPROCESSABLE_ENTITY "The model has no key"
        "Its provider needs a key, and neither the model nor the account nor the deployment has one that may be sent there. Add one with `POST /api/keys`.";
    VALIDATION_FAILED "validation_failed" UNPROCESSABLE_ENTITY "A value breaks a rule"
        "The request is well-formed, but values in it break rules; the member errors names each with a JSON pointer. \
         Below /v1 the status is 400, as OpenAI and Anthropic have it.";
    QUOTA_EXCEEDED "quota_exceeded" TOO_MANY_REQUESTS "The tokens of the period are spent"
        "The account, or the person within it, has not as many tokens left as this could take. The detail says when the period ends; GET /api/quota \
         says how many are left.";
    RATE_LIMITED "rate_limited" TOO_MANY_REQUESTS "Too many requests"
        "A limit is used up for now. Try again after the seconds in Retry-After.";
    TOO_MANY_RUNS "too_many_runs" TOO_MANY_REQUESTS "Too many runs at once"
        "As many runs of the account are at work as may be at the same time. Wait for one to end, or cancel one.";
    INTERNAL_ERROR "internal_error" INTERNAL_SERVER_ERROR "The server failed"
        "A fault of the server. Its log names the cause under the request id.";
    IDENTITY_PROVIDER_UNAVAILABLE "identity_provider_unavailable" BAD_GATEWAY "The identity provider does not answer as it should"
        "The identity provider is away, or says what cannot be believed. Try again later; other ways to sign in still work.";
    PROVIDER_ERROR "provider_error" BAD_GATEWAY "The model's provider failed"
        "The provider of the model is away, refused the request, or says what is no answer. The detail says which; what the provider said is not shown.";
    PROVIDER_RATE_LIMITED "provider_rate_limited" BAD_GATEWAY "The model's provider asks to wait"
        "The provider of the model takes no more requests for now. Try again after the seconds in Retry-After, where they are given.";
    MAILER_MISSING "mailer_missing" SERVICE_UNAVAILABLE "No mails can be sent"
        "The route needs to send a mail, and the deployment has no mailer. Its operator has to set one.";
    UNAVAILABLE "unavailable" SERVICE_UNAVAILABLE "The service is unavailable"
        "The database is away or overloaded. Try again after the seconds in Retry-After.";
    PROVIDER_TIMEOUT "provider_timeout" GATEWAY_TIMEOUT "The model's provider took too long"
        "The provider of the model did not begin to answer in time, or fell silent.";
}

/// The text of `docs/problems.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Problems\n\nEvery error of the API is an `application/problem+json` document (RFC 9457). Compare `code`; `title` and `detail` are \
         for people.\n\nThis page is generated from `crates/problem/src/kinds.rs`; a test compares the two.\n\n\
         | code | status | title | when |\n|---|---|---|---|\n",
    );
    for kind in ALL {
        let Kind { code, title, status, meaning } = kind;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{code}` | {} | {title} | {meaning} |", status.as_u16());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_occurs_twice_and_the_list_is_sorted() {
        let keys: Vec<_> = ALL.iter().map(|kind| (kind.status.as_u16(), kind.code)).collect();
        assert_eq!(keys.iter().map(|key| key.1).collect::<BTreeSet<_>>().len(), ALL.len());
        assert!(keys.is_sorted(), "{keys:?}");
    }

    /// With `UPDATE_DOCS=1` it writes the page instead.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the test")]
    fn the_reference_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/problems.md");
        if std::env::var("UPDATE_DOCS").is_ok() {
            std::fs::write(path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(page, reference(), "run: UPDATE_DOCS=1 cargo test -p problem");
    }
}
