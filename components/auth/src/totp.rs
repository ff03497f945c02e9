//! Enrolling, confirming and removing a second factor.

pub mod http;
mod store;

use audit::Entry;
use caller::{Caller, ClientAddress};
use credentials::{Password, RECOVERY_CODES, RecoveryCode, TotpSecret};
use idempotency::Claim;
use ids::UserId;
use limits::Charge;
use problem::FieldError;
use serde::Serialize;

use crate::error::AuthError;
use crate::service::{Auth, Revealed, kept};

/// What an app shows beside its codes.
const ISSUER: &str = "Selvage";

/// The answer to an enrolment. It shows secret and recovery codes, once.
#[derive(Debug, Serialize)]
pub struct Enrolment {
    pub secret: Revealed,
    pub otpauth_url: Revealed,
    pub recovery_codes: Vec<Revealed>,
}

/// An enrolment as stored.
pub struct StoredEnrolment {
    pub secret: TotpSecret,
    pub sealed_secret: Vec<u8>,
    pub is_confirmed: bool,
    pub last_step: u64,
}

impl Auth {
    /// Begins an enrolment. Nothing asks for codes until the first right one confirms it.
    pub async fn enrol_totp(
        &self,
        caller: &Caller,
        password: Option<&Password>,
        claim: &Claim,
    ) -> Result<Enrolment, AuthError> {
        let known = self.reauthenticate(caller, password).await?;
        let secret = TotpSecret::generate(&self.entropy)?;
        let root = self.settings.keyring.current();
        let sealed_secret = secret.seal(root, caller.user_id, &self.entropy)?;
        let codes = (0..RECOVERY_CODES)
            .map(|_| RecoveryCode::generate(&self.entropy))
            .collect::<Result<Vec<_>, _>>()?;
        // The table refers to the root key, which the first use of this database registers.
        crate::keys::current(self).await?;
        let enrolment = Enrolment {
            secret: Revealed::new(&secret.to_base32()),
            otpauth_url: Revealed::new(&secret.otpauth_url(ISSUER, &known.user.email)),
            recovery_codes: codes.iter().map(|code| Revealed::new(code.reveal())).collect(),
        };
        let new = store::NewEnrolment {
            user_id: caller.user_id,
            root_key_id: root.id(),
            sealed_secret: &sealed_secret,
            codes: &codes,
            at: self.clock.now(),
            kept: kept(claim, &enrolment)?,
        };
        if !store::put(&self.database, new).await? {
            return Err(AuthError::TotpEnrolled);
        }
        Ok(enrolment)
    }

    /// Confirms an enrolment with a code of the app. From then on signing in asks for one.
    pub async fn confirm_totp(
        &self,
        caller: &Caller,
        address: ClientAddress,
        code: &str,
    ) -> Result<(), AuthError> {
        let now = self.clock.now();
        let charge = Charge::new("totp", caller.user_id, self.settings.limits.totp);
        limits::charge(&self.database, now, &[charge]).await?;
        let enrolment = self.find_enrolment(caller.user_id).await?;
        let Some(enrolment) = enrolment.filter(|enrolment| !enrolment.is_confirmed) else {
            return Err(AuthError::InvalidCode);
        };
        let step = enrolment
            .secret
            .step_of(code, now)
            .filter(|step| enrolment.last_step < *step)
            .ok_or(AuthError::InvalidCode)?;
        let confirmation = store::Confirmation {
            user_id: caller.user_id,
            sealed_secret: &enrolment.sealed_secret,
            step,
            at: now,
        };
        let entry = Entry::by(caller, address, "totp.enrolled").on(caller.user_id);
        if !store::confirm(&self.database, &confirmation, entry).await? {
            return Err(AuthError::InvalidCode);
        }
        self.notify(caller.user_id, "A second factor was set up for your account").await
    }

    /// Removes the second factor, unless the password is too short to stand without it.
    pub async fn remove_totp(
        &self,
        caller: &Caller,
        address: ClientAddress,
        password: Option<&Password>,
    ) -> Result<(), AuthError> {
        let known = self.reauthenticate(caller, password).await?;
        if known.needs_totp {
            let chars_min = self.settings.password_chars_min;
            let text = format!(
                "The password is long enough only beside the second factor. First choose one of at least {chars_min} characters."
            );
            return Err(AuthError::Invalid(vec![FieldError::new("/password", text)]));
        }
        let entry = Entry::by(caller, address, "totp.removed").on(caller.user_id);
        if !store::delete(&self.database, caller.user_id, self.clock.now(), entry).await? {
            return Err(AuthError::NotFound);
        }
        let subject = "The second factor of your account was removed";
        self.mail_notice(&known.user.email, subject).await;
        Ok(())
    }

    /// The person's enrolment, confirmed or not, with its secret in the clear.
    pub async fn find_enrolment(
        &self,
        user_id: UserId,
    ) -> Result<Option<StoredEnrolment>, AuthError> {
        let Some(row) = store::find(&self.database, user_id).await? else { return Ok(None) };
        let root = self.settings.keyring.find(&row.root_key_id).ok_or(AuthError::KeyMismatch)?;
        let secret = TotpSecret::open(&row.sealed_secret, root, user_id)?;
        Ok(Some(StoredEnrolment {
            secret,
            sealed_secret: row.sealed_secret,
            is_confirmed: row.is_confirmed,
            last_step: row.last_step,
        }))
    }

    async fn notify(&self, user_id: UserId, subject: &str) -> Result<(), AuthError> {
        let user = self.find_user(user_id).await?;
        self.mail_notice(&user.email, subject).await;
        Ok(())
    }
}
