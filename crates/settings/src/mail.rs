use egress::{Target, UrlPolicy};
use mailer::{Delivery, Secret, Sender};

use crate::variables::Reading;

/// `mailer`: log, resend, postmark, webhook or off. `mailer_from`, `mailer_key`: what a provider needs; the key of a webhook signs.
/// `mailer_url`: where to post, for a webhook; for providers another address than their usual one.
pub(crate) const NAMES: [&str; 4] = ["mailer", "mailer_from", "mailer_key", "mailer_url"];

const RESEND_URL: &str = "https://api.resend.com/emails";
const POSTMARK_URL: &str = "https://api.postmarkapp.com/email";

enum Choice {
    Off,
    Log,
    Resend,
    Postmark,
    Webhook,
}

pub(crate) fn read(
    reading: &mut Reading<'_>,
    policy: &UrlPolicy,
    is_local: bool,
) -> Option<Delivery> {
    let usual = if is_local { Choice::Log } else { Choice::Off };
    match reading.optional("mailer", usual, choice)? {
        Choice::Off => Some(Delivery::Off),
        Choice::Log => Some(Delivery::Log),
        Choice::Resend => sender(reading, policy, RESEND_URL).map(Delivery::Resend),
        Choice::Postmark => sender(reading, policy, POSTMARK_URL).map(Delivery::Postmark),
        Choice::Webhook => {
            let key = key(reading);
            let target = reading.required("mailer_url", |url| policy.check(url));
            Some(Delivery::Webhook { target: target?, key: key? })
        }
    }
}

fn choice(value: &str) -> Result<Choice, &'static str> {
    match value {
        "off" => Ok(Choice::Off),
        "log" => Ok(Choice::Log),
        "resend" => Ok(Choice::Resend),
        "postmark" => Ok(Choice::Postmark),
        "webhook" => Ok(Choice::Webhook),
        _ => Err("it is none of log, resend, postmark, webhook and off"),
    }
}

fn sender(reading: &mut Reading<'_>, policy: &UrlPolicy, usual: &str) -> Option<Sender> {
    let from = reading.required("mailer_from", address);
    let key = key(reading);
    let target: Option<Target> =
        reading.optional("mailer_url", None, |url| policy.check(url).map(Some))?;
    let target = target.or_else(|| policy.check(usual).ok());
    Some(Sender { target: target?, from: from?, key: key? })
}

fn key(reading: &mut Reading<'_>) -> Option<Secret> {
    reading.required("mailer_key", |key| Ok::<_, &str>(Secret::new(key.to_owned())))
}

/// An address, or a name with the address in angle brackets.
fn address(value: &str) -> Result<String, &'static str> {
    let is_address = value.contains('@') && !value.chars().any(char::is_control);
    if is_address { Ok(value.to_owned()) } else { Err("it is no address") }
}
