//! The identities of a person who is signed in: listing, linking, unlinking.

use ambient::UnixMillis;
use audit::Entry;
use caller::{Caller, ClientAddress};
use credentials::Password;
use ids::{Id, IdentityId};
use serde::Serialize;

use super::evidence::Evidence;
use super::{store, ticket_store};
use crate::device::Device;
use crate::error::AuthError;
use crate::service::Auth;

/// How many identities a person may have.
pub const IDENTITIES_MAX: u32 = 20;

/// An identity as its person sees it.
#[derive(Debug, Serialize)]
pub struct ExternalIdentity {
    pub id: IdentityId,
    /// What the operator called the provider when it was linked.
    pub provider: String,
    pub issuer: String,
    pub subject: String,
    pub created_at: UnixMillis,
    pub last_used_at: Option<UnixMillis>,
}

impl Auth {
    /// Links an identity to the caller, who proves to be there with the password, or has none and signed in lately: whoever has found a
    /// session open must not be able to add a way in (SECURITY R36).
    pub async fn link_identity(
        &self,
        caller: &Caller,
        evidence: &Evidence,
        password: Option<&Password>,
        device: &Device,
    ) -> Result<ExternalIdentity, AuthError> {
        self.charge_external("oidc:link", device).await?;
        let known = self.reauthenticate(caller, password).await?;
        let vouched = self.examine(evidence, device).await?;
        if let Some(code_hash) = vouched.code_hash
            && !ticket_store::delete_ticket(&self.database, code_hash).await?
        {
            return Err(super::Refusal::Ticket.into());
        }
        let now = self.clock.now();
        let identity = ExternalIdentity {
            id: Id::generate(now, &self.entropy)?,
            provider: vouched.provider,
            issuer: vouched.issuer,
            subject: vouched.identity.subject,
            created_at: now,
            last_used_at: None,
        };
        let entry = Entry::by(caller, device.address, "identity.linked")
            .on(identity.id)
            .with("provider", identity.provider.as_str());
        let hash = known.password_hash.as_deref();
        if !store::link(&self.database, caller.user_id, &identity, hash, entry).await? {
            return Err(AuthError::LimitReached { what: "identities", most: IDENTITIES_MAX });
        }
        self.mail_notice(&known.user.email, "A way to sign in was added to your account").await;
        Ok(identity)
    }

    /// Takes an identity from the caller, unless nothing else would be left to sign in with.
    pub async fn unlink_identity(
        &self,
        caller: &Caller,
        id: IdentityId,
        address: ClientAddress,
    ) -> Result<(), AuthError> {
        let entry = Entry::by(caller, address, "identity.unlinked").on(id);
        let now = self.clock.now();
        if store::unlink(&self.database, caller.user_id, id, now, entry).await? {
            let user = self.find_user(caller.user_id).await?;
            self.mail_notice(&user.email, "A way to sign in was removed from your account").await;
            return Ok(());
        }
        if store::has_identity(&self.database, caller.user_id, id).await? {
            Err(AuthError::LastWayIn)
        } else {
            Err(AuthError::NotFound)
        }
    }
}
