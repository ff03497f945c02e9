use serde_json::Value;

/// Replaces what differs between runs by what it is: ids by `[conv]`, times by `[time]`, tokens by `[token]` and `[jwt]`. What has not
/// exactly the right form stays as it is, and the snapshot shows it.
pub fn redact(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(redacted) = redacted(text) {
                *text = redacted;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(members) => members.values_mut().for_each(redact),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redacted(text: &str) -> Option<String> {
    let is_base64url =
        |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if let Some(secret) = text.strip_prefix("slv_")
        && is_base64url(secret)
    {
        match secret.len() {
            49 => return Some("[api key]".to_owned()),
            8 => return Some("[api key prefix]".to_owned()),
            _ => {}
        }
    }
    if let Some((prefix, suffix)) = text.rsplit_once('_')
        && suffix.len() == 26
        && suffix.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        && prefix.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    {
        return Some(format!("[{prefix}]"));
    }
    if is_time(text) {
        return Some("[time]".to_owned());
    }
    if text.len() == 43 && is_base64url(text) {
        return Some("[token]".to_owned());
    }
    let is_jwt = text.starts_with("eyJ")
        && text.split('.').count() == 3
        && text.split('.').all(is_base64url);
    is_jwt.then(|| "[jwt]".to_owned())
}

/// RFC 3339 in UTC with milliseconds, as the API promises it.
fn is_time(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00.000Z";
    text.len() == FORM.len()
        && text.chars().zip(FORM.chars()).all(|(c, form)| match form {
            '0' => c.is_ascii_digit(),
            _ => c == form,
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_has_the_right_form_is_redacted() {
        let mut value = json!({
            "id": "conv_01h455vb4pex5vsknk084sn02q",
            "at": ["2026-11-22T02:33:09.250Z", "2026-11-22T02:33:09Z"],
            "token": "x".repeat(43),
            "short": "x".repeat(42),
            "jwt": "eyJh.eyJi.c-_",
            "title": "a_title",
            "count": 3,
        });
        redact(&mut value);
        assert_eq!(
            value,
            json!({
                "id": "[conv]",
                "at": ["[time]", "2026-11-22T02:33:09Z"],
                "token": "[token]",
                "short": "x".repeat(42),
                "jwt": "[jwt]",
                "title": "a_title",
                "count": 3,
            })
        );
    }
}
