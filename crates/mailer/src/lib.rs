#![doc = include_str!("../README.md")]

mod delivery;
mod wire;

use std::io::Write as _;

use ambient::{Clock, Entropy, EntropyError};
use egress::{Egress, EgressError, Limits};
use http::StatusCode;

pub use delivery::{Delivery, Secret, Sender};

/// A mail of plain text to one person.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    /// The link that the text holds, if it holds one.
    pub link: Option<String>,
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("no mailer is configured")]
    Off,
    #[error("the mail could not be handed over")]
    Egress(#[from] EgressError),
    #[error("the mail was refused with status {0}")]
    Refused(StatusCode),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// Hands over mails.
#[derive(Debug, Clone)]
pub struct Mailer {
    delivery: Delivery,
    egress: Egress,
    clock: Clock,
    entropy: Entropy,
}

impl Mailer {
    /// # Errors
    /// [`EgressError`] when nothing can be sent from here at all.
    pub fn new(delivery: Delivery, clock: Clock, entropy: Entropy) -> Result<Self, EgressError> {
        Ok(Self { delivery, egress: Egress::new()?, clock, entropy })
    }

    /// Whether there is anything that mails can be handed to.
    pub fn is_on(&self) -> bool {
        !matches!(self.delivery, Delivery::Off)
    }

    /// Hands over a mail.
    ///
    /// # Errors
    /// See [`MailError`]; after [`MailError::Egress`] the mail may have gone out all the same.
    pub async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let request = match &self.delivery {
            Delivery::Off => return Err(MailError::Off),
            Delivery::Log => {
                // A log that cannot be written must not end the request.
                drop(std::io::stderr().write_all(wire::line(mail).as_bytes()));
                return Ok(());
            }
            Delivery::Resend(sender) => wire::resend(mail, sender)?,
            Delivery::Postmark(sender) => wire::postmark(mail, sender)?,
            Delivery::Webhook { target, key } => {
                let now = self.clock.now();
                let id = ids::MailId::generate(now, &self.entropy)?;
                wire::webhook(mail, target, key, &id.to_string(), now.as_seconds())?
            }
        };
        let response = self.egress.send(request, Limits::default()).await?;
        if response.status.is_success() { Ok(()) } else { Err(MailError::Refused(response.status)) }
    }
}

impl std::fmt::Debug for Mail {
    /// Nothing: the link is a credential, and the address is somebody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mail(..)")
    }
}
