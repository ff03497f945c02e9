//! What the component writes to people. Links begin with `public_url` and with nothing that a request says (SECURITY R21).

use std::time::Duration;

use credentials::OpaqueToken;
use limits::Charge;
use mailer::Mail;

use crate::error::AuthError;
use crate::external::is_reachable;
use crate::service::{Auth, User};
use crate::store;

/// What a token that was sent by mail is for, as the database names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Reset,
    Verify,
    /// To give a person another address.
    Change,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Verify => "verify",
            Self::Change => "change",
        }
    }

    /// How long such a token counts (SECURITY R19).
    pub fn lifetime(self) -> Duration {
        match self {
            Self::Reset | Self::Change => Duration::from_mins(30),
            Self::Verify => Duration::from_hours(24),
        }
    }
}

impl Auth {
    /// Refuses what needs mails where none can be sent.
    pub fn require_mailer(&self) -> Result<(), AuthError> {
        if self.mailer.is_on() { Ok(()) } else { Err(AuthError::MailerMissing) }
    }

    /// Counts a mail to this address, known or not, before anything else depends on it.
    pub async fn charge_mail(&self, email: &str) -> Result<(), AuthError> {
        let charge = Charge::new("mail", email, self.settings.limits.mail);
        Ok(limits::charge(&self.database, self.clock.now(), &[charge]).await?)
    }

    /// Sends the link that invites into an account.
    pub async fn mail_invitation(&self, to: &str, token: &OpaqueToken) {
        let home = &self.settings.data.public_url;
        let link = format!("{home}/invitations/accept?token={}", token.reveal());
        self.mail(Mail {
            to: to.to_owned(),
            subject: "You are invited to an account".to_owned(),
            text: format!("Somebody invites you to an account. Accept within a week:\n\n{link}\n"),
            link: Some(link),
        })
        .await;
    }

    /// Sends a person the link with which to choose a new password. Nothing is sent to someone who is disabled.
    pub async fn mail_reset(&self, user: &User) -> Result<(), AuthError> {
        let Some(link) = self.link(user, Purpose::Reset, "reset-password").await? else {
            return Ok(());
        };
        self.mail(Mail {
            to: user.email.clone(),
            subject: "Choose a new password".to_owned(),
            text: format!(
                "Somebody, probably you, asked for a new password. Choose one here within 30 minutes:\n\n{link}\n\n\
                 If it was not you, do nothing: your password stays as it is.\n"
            ),
            link: Some(link),
        })
        .await;
        Ok(())
    }

    /// Sends a person the link that proves the address.
    pub async fn mail_verification(&self, user: &User) -> Result<(), AuthError> {
        let Some(link) = self.link(user, Purpose::Verify, "verify-email").await? else {
            return Ok(());
        };
        self.mail(Mail {
            to: user.email.clone(),
            subject: "Confirm your address".to_owned(),
            text: format!(
                "Somebody, probably you, signed up with this address. Confirm it here within 24 hours:\n\n{link}\n\n\
                 If it was not you, do nothing.\n"
            ),
            link: Some(link),
        })
        .await;
        Ok(())
    }

    /// Sends the link that gives a person this address.
    pub async fn mail_address_change(&self, email: &str, token: &OpaqueToken) {
        let home = &self.settings.data.public_url;
        let link = format!("{home}/verify-email?token={}", token.reveal());
        self.mail(Mail {
            to: email.to_owned(),
            subject: "Confirm your new address".to_owned(),
            text: format!(
                "Somebody, probably you, wants to use this address from now on. Confirm it here within 30 minutes:\n\n{link}\n\n\
                 If it was not you, do nothing.\n"
            ),
            link: Some(link),
        })
        .await;
    }

    /// Tells the owner of an address that somebody tried to sign up with it again, or to take it.
    pub async fn mail_known_address(&self, email: &str) {
        let home = &self.settings.data.public_url;
        self.mail(Mail {
            to: email.to_owned(),
            subject: "You have an account already".to_owned(),
            text: format!(
                "Somebody, probably you, wants to use this address for an account. You have an account already; sign in at\n\n{home}\n\n\
                 and ask for a new password there if you have forgotten yours.\n"
            ),
            link: None,
        })
        .await;
    }

    /// Tells a person what happened to the account, where mails can be sent.
    pub async fn mail_notice(&self, email: &str, subject: &str) {
        if !self.mailer.is_on() {
            return;
        }
        self.mail(Mail {
            to: email.to_owned(),
            subject: subject.to_owned(),
            text: format!(
                "{subject}. If it was not you, ask for a new password at once:\n\n{}\n",
                self.settings.data.public_url
            ),
            link: None,
        })
        .await;
    }

    /// A link with a new token. `None` for someone who is disabled.
    async fn link(
        &self,
        user: &User,
        purpose: Purpose,
        page: &str,
    ) -> Result<Option<String>, AuthError> {
        let token = OpaqueToken::generate(&self.entropy)?;
        let now = self.clock.now();
        let is_stored =
            store::put_one_time_token(&self.database, user.id, purpose, token.hash(), now).await?;
        let home = &self.settings.data.public_url;
        Ok(is_stored.then(|| format!("{home}/{page}?token={}", token.reveal())))
    }

    /// Hands over a mail. A failure is logged and not answered: the answer must not tell whether there was a mail to send.
    async fn mail(&self, mail: Mail) {
        if !is_reachable(&mail.to) {
            return;
        }
        if let Err(error) = self.mailer.send(&mail).await {
            let cause = problem::chain(&error);
            tracing::warn!(cause, "a mail was not taken");
        }
    }
}

/// Logs that work which nobody waits for has failed.
pub fn report(outcome: Result<(), AuthError>, message: &'static str) {
    if let Err(error) = outcome {
        let cause = problem::chain(&error);
        tracing::error!(cause, "{message}");
    }
}
