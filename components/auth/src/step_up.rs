//! Showing the password again, before what a session alone is not enough for.

pub mod http;
mod store;

use audit::{Entry, Outcome, When};
use caller::{Caller, ClientAddress};
use credentials::Password;
use ids::{Id, SessionId};

use crate::error::AuthError;
use crate::service::Auth;

impl Auth {
    /// Makes a session as good as one that began now. Wrong passwords are counted like those of sign-ins, and recorded.
    pub async fn step_up(
        &self,
        caller: &Caller,
        session_id: SessionId,
        address: ClientAddress,
        password: &Password,
        totp: Option<&str>,
    ) -> Result<(), AuthError> {
        let now = self.clock.now();
        let entry = Entry::by(caller, address, "auth.reauthenticated").on(session_id);
        let outcome = self.try_step_up(caller, session_id, password, totp, entry.clone()).await;
        if matches!(outcome, Err(AuthError::ReauthenticationFailed)) {
            let failed = vec![entry.outcome(Outcome::Failure)];
            audit::commit(&self.database, now, Vec::new(), failed, When::Always).await?;
        }
        outcome
    }

    async fn try_step_up(
        &self,
        caller: &Caller,
        session_id: SessionId,
        password: &Password,
        totp: Option<&str>,
        entry: Entry,
    ) -> Result<(), AuthError> {
        let known = self.reauthenticate(caller, Some(password)).await?;
        let password_hash = known.password_hash.ok_or(AuthError::ReauthenticationFailed)?;
        let now = self.clock.now();
        let enrolment = self.find_enrolment(caller.user_id).await?;
        let proof = match (enrolment.is_some_and(|enrolment| enrolment.is_confirmed), totp) {
            (false, _) => None,
            (true, None) => return Err(AuthError::TotpRequired),
            (true, Some(code)) => Some(self.prove(caller.user_id, code, now).await?),
        };
        let fresh = store::Fresh {
            account_id: caller.account_id,
            session_id,
            user_id: caller.user_id,
            password_hash: &password_hash,
            // Not the session's own id, for which a code may have been accepted when it began.
            proof_id: Id::generate(now, &self.entropy)?,
            proof,
            at: now,
        };
        if store::freshen(&self.database, &fresh, entry).await? {
            Ok(())
        } else {
            // The code was used before, or the password is another one by now.
            Err(AuthError::ReauthenticationFailed)
        }
    }
}
