use std::fmt;

use egress::Target;
use zeroize::Zeroizing;

/// Who delivers mails.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// Nobody: what needs a mail is refused.
    Off,
    /// A line on standard error, for development.
    Log,
    Resend(Sender),
    Postmark(Sender),
    Webhook {
        target: Target,
        key: Secret,
    },
}

/// An account at a provider of mail delivery.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Where mails are posted to.
    pub target: Target,
    /// The address that mails come from, as in `Selvage <no-reply@example.com>`.
    pub from: String,
    pub key: Secret,
}

/// A provider's key. It prints as nothing and is erased when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
