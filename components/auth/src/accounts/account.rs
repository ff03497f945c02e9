use audit::{Entry, Log};
use caller::{Caller, ClientAddress, Role};
use idempotency::Claim;
use ids::Id;

use crate::accounts::store;
use crate::error::AuthError;
use crate::identity;
use crate::service::{Account, Auth, kept};

/// How many accounts a person may be an owner of.
pub const ACCOUNTS_OWNED_MAX: u32 = 50;

impl Auth {
    /// Creates a team account with the caller as its owner.
    pub async fn create_account(
        &self,
        caller: &Caller,
        address: ClientAddress,
        name: &str,
        claim: &Claim,
    ) -> Result<Account, AuthError> {
        let name = identity::name(name).map_err(|error| AuthError::Invalid(vec![error]))?;
        let now = self.clock.now();
        let account = Account {
            id: Id::generate(now, &self.entropy)?,
            name,
            kind: "team".to_owned(),
            role: Role::Owner,
            created_at: now,
        };
        let entry = Entry::by(caller, address, "account.created")
            .in_log(Log::Account(account.id))
            .on(account.id);
        let kept = kept(claim, &account)?;
        if store::create_team(&self.database, caller.user_id, &account, kept, entry).await? {
            Ok(account)
        } else {
            Err(AuthError::LimitReached { what: "accounts", most: ACCOUNTS_OWNED_MAX })
        }
    }

    /// The account that the request is about.
    pub async fn account(&self, caller: &Caller) -> Result<Account, AuthError> {
        let account = store::get_account(&self.database, caller).await?;
        account.ok_or(AuthError::NotFound)
    }

    /// Gives the account another name.
    pub async fn rename_account(
        &self,
        caller: &Caller,
        address: ClientAddress,
        name: &str,
    ) -> Result<Account, AuthError> {
        let name = identity::name(name).map_err(|error| AuthError::Invalid(vec![error]))?;
        let entry = Entry::by(caller, address, "account.renamed").on(caller.account_id);
        store::set_account_name(&self.database, caller, &name, self.clock.now(), entry).await?;
        self.account(caller).await
    }

    /// Ends a team account and everything in it. Its own log goes with it, so that the platform's tells of it.
    pub async fn delete_account(
        &self,
        caller: &Caller,
        address: ClientAddress,
    ) -> Result<(), AuthError> {
        let account = self.account(caller).await?;
        if account.kind == "personal" {
            return Err(AuthError::PersonalAccount);
        }
        let entry = Entry::by(caller, address, "account.deleted")
            .in_log(Log::Platform)
            .on(caller.account_id);
        let deleted =
            store::delete_account(&self.database, caller.account_id, self.clock.now(), entry)
                .await?;
        if deleted { Ok(()) } else { Err(AuthError::NotFound) }
    }
}
