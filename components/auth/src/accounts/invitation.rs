use std::time::Duration;

use ambient::UnixMillis;
use audit::{Entry, Log};
use caller::{Caller, ClientAddress, Role};
use credentials::OpaqueToken;
use idempotency::Claim;
use ids::{Id, InvitationId, UserId};
use problem::FieldError;
use serde::Serialize;

use crate::accounts::invitation_store as store;
use crate::error::AuthError;
use crate::identity;
use crate::service::{Account, Auth, kept};

pub const INVITATION_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// How many invitations of one account may be open.
pub const INVITATIONS_MAX: u32 = 200;

/// An invitation as those see it who may invite. Its token is in the mail alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub invited_by: UserId,
    pub created_at: UnixMillis,
    pub expires_at: UnixMillis,
}

/// What someone found who holds an invitation's token.
pub struct Found {
    pub invitation: Invitation,
    pub account: Account,
    /// Whether the invitation was sent to the address of whoever accepts it.
    pub is_own_address: bool,
    pub has_verified_address: bool,
}

impl Auth {
    /// Invites the owner of an address into the caller's account. A newer invitation takes the place of an older one. Whether the address
    /// belongs to someone who has signed up makes no difference.
    pub async fn invite(
        &self,
        caller: &Caller,
        address: ClientAddress,
        email: &str,
        role: Role,
        claim: &Claim,
    ) -> Result<Invitation, AuthError> {
        self.require_mailer()?;
        let email = identity::email(email).map_err(|error| AuthError::Invalid(vec![error]))?;
        if caller.role < role {
            return Err(AuthError::RankTooLow);
        }
        let account = self.account(caller).await?;
        if role == Role::Owner && account.kind == "personal" {
            return Err(AuthError::PersonalAccount);
        }
        if store::has_member(&self.database, caller.account_id, &email).await? {
            return Err(AuthError::AlreadyMember);
        }
        let now = self.clock.now();
        self.charge_mail(&email).await?;
        let token = OpaqueToken::generate(&self.entropy)?;
        let invitation = Invitation {
            id: Id::generate(now, &self.entropy)?,
            email,
            role,
            invited_by: caller.user_id,
            created_at: now,
            expires_at: now.plus(INVITATION_LIFETIME),
        };
        let entry = Entry::by(caller, address, "invitation.created")
            .on(invitation.id)
            .with("role", role.as_str());
        let new = store::NewInvitation {
            invitation: &invitation,
            hash: token.hash(),
            kept: kept(claim, &invitation)?,
        };
        if !store::create(&self.database, caller, new, entry).await? {
            return Err(AuthError::LimitReached {
                what: "open invitations",
                most: INVITATIONS_MAX,
            });
        }
        self.mail_invitation(&invitation.email, &token).await;
        Ok(invitation)
    }

    /// Takes an invitation back.
    pub async fn revoke_invitation(
        &self,
        caller: &Caller,
        address: ClientAddress,
        id: InvitationId,
    ) -> Result<(), AuthError> {
        let entry = Entry::by(caller, address, "invitation.revoked").on(id);
        let now = self.clock.now();
        if store::delete(&self.database, caller.account_id, id, now, entry).await? {
            Ok(())
        } else {
            Err(AuthError::NotFound)
        }
    }

    /// Makes the caller a member of the account that the token invites to. Holding the token proves that the caller reads mails to the
    /// invited address: if that is the caller's own, it counts as verified; with another address the caller needs a verified one.
    pub async fn accept_invitation(
        &self,
        caller: &Caller,
        address: ClientAddress,
        token: &str,
        claim: &Claim,
    ) -> Result<Account, AuthError> {
        let hash = OpaqueToken::hash_of(token);
        let now = self.clock.now();
        let found = store::find(&self.database, caller.user_id, &hash, now).await?;
        let found = found.ok_or_else(no_invitation)?;
        if !found.is_own_address && !found.has_verified_address {
            return Err(AuthError::EmailUnverified);
        }
        let Found { invitation, account, .. } = found;
        let entry = Entry::by(caller, address, "invitation.accepted")
            .in_log(Log::Account(account.id))
            .on(invitation.id)
            .with("role", invitation.role.as_str());
        let membership = store::Acceptance {
            account_id: account.id,
            invitation_id: invitation.id,
            user_id: caller.user_id,
            hash,
        };
        if !store::accept(&self.database, &membership, now, claim, entry).await? {
            return Err(no_invitation());
        }
        let caller = Caller { account_id: account.id, ..*caller };
        self.account(&caller).await
    }
}

/// One answer for a token that never was one, is over, was used or taken back.
fn no_invitation() -> AuthError {
    AuthError::Invalid(vec![FieldError::new("/token", "This is no invitation that is open.")])
}
