//! What a mail looks like to each of those who deliver it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use egress::{EgressError, Request, Target};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderName, HeaderValue, header};
use serde_json::json;
use sha2::Sha256;

use crate::{Mail, Secret, Sender};

const JSON: &str = "application/json";

/// One line for people and scripts. Control characters become spaces, so that no value can make a second line.
pub(crate) fn line(mail: &Mail) -> String {
    let Mail { to, subject, link, .. } = mail;
    let mut line = format!("mail to={to} subject=\"{subject}\"");
    if let Some(link) = link {
        line.push_str(" link=");
        line.push_str(link);
    }
    let mut line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.push('\n');
    line
}

/// <https://resend.com/docs/api-reference/emails/send-email>
pub(crate) fn resend(mail: &Mail, sender: &Sender) -> Result<Request, EgressError> {
    let Mail { to, subject, text, .. } = mail;
    let body = json!({"from": sender.from, "to": [to], "subject": subject, "text": text});
    let mut request = Request::post(sender.target.clone(), JSON, body.to_string());
    // Without one Resend answers 403.
    request.headers.insert(header::USER_AGENT, HeaderValue::from_static("selvage"));
    request.with_secret(header::AUTHORIZATION, &format!("Bearer {}", sender.key.expose()))
}

/// <https://postmarkapp.com/developer/api/email-api#send-a-single-email>
pub(crate) fn postmark(mail: &Mail, sender: &Sender) -> Result<Request, EgressError> {
    let Mail { to, subject, text, .. } = mail;
    let body = json!({
        "From": sender.from,
        "To": to,
        "Subject": subject,
        "TextBody": text,
        "MessageStream": "outbound",
    });
    let request = Request::post(sender.target.clone(), JSON, body.to_string());
    request.with_secret(HeaderName::from_static("x-postmark-server-token"), sender.key.expose())
}

/// Signed as in <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
pub(crate) fn webhook(
    mail: &Mail,
    target: &Target,
    key: &Secret,
    id: &str,
    at_s: u64,
) -> Result<Request, EgressError> {
    let Mail { to, subject, text, link } = mail;
    let body = json!({"to": to, "subject": subject, "text": text, "link": link}).to_string();
    // A secret in the specification's own form is base64 behind a prefix; any other text counts as its bytes.
    let key = key
        .expose()
        .strip_prefix("whsec_")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| key.expose().as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| EgressError::Unsendable)?;
    mac.update(format!("{id}.{at_s}.{body}").as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let at = at_s.to_string();
    let mut request = Request::post(target.clone(), JSON, body);
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", &at), ("webhook-signature", &signature)]
    {
        request = request.with_secret(HeaderName::from_static(name), value)?;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_one_line_whatever_the_values_hold() {
        let mail = |link: Option<&str>| Mail {
            to: "ada@example.com\r\nBcc: x".to_owned(),
            subject: "Hello\u{1b}[31m".to_owned(),
            text: "not shown".to_owned(),
            link: link.map(str::to_owned),
        };
        assert_eq!(
            line(&mail(Some("http://localhost:3000/x?token=t"))),
            "mail to=ada@example.com  Bcc: x subject=\"Hello [31m\" link=http://localhost:3000/x?token=t\n"
        );
        assert_eq!(line(&mail(None)), "mail to=ada@example.com  Bcc: x subject=\"Hello [31m\"\n");
    }
}
