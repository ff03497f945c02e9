use audit::{Entry, Log, When};
use caller::{Caller, ClientAddress, Role};
use ids::AccountId;
use problem::{FieldError, Problem};
use usage::{DayTotal, Filter, Limit, Spender, Standing, find_limit, list_days};

use crate::service::Chat;

/// What holds for an account, and whether it was set for it.
#[derive(Debug)]
pub struct Holding {
    pub limit: Limit,
    pub is_default: bool,
}

impl Chat {
    /// What the caller's account may use, and how much of that is gone.
    pub async fn standing(&self, caller: &Caller) -> Result<Standing, Problem> {
        let now = self.clock.now();
        Ok(self.settings.quota.standing(&self.database, spender(caller), now).await?)
    }

    /// Totals of the ledger. What others in the account have used is for its administrators.
    pub async fn totals(
        &self,
        caller: &Caller,
        mut filter: Filter,
    ) -> Result<Vec<DayTotal>, Problem> {
        if caller.role < Role::Admin {
            if filter.user_id.is_some_and(|id| id != caller.user_id) {
                return Ok(Vec::new());
            }
            filter.user_id = Some(caller.user_id);
        }
        Ok(list_days(&self.database, caller.account_id, &filter).await?)
    }

    /// What holds for an account.
    pub async fn limit(&self, account_id: AccountId) -> Result<Holding, Problem> {
        let found = find_limit(&self.database, account_id).await?.ok_or_else(Problem::not_found)?;
        let limit = found.0.unwrap_or(self.settings.quota.0);
        Ok(Holding { limit, is_default: found.0.is_none() })
    }

    /// Sets what holds for an account.
    pub async fn set_limit(
        &self,
        (caller, address): (&Caller, ClientAddress),
        account_id: AccountId,
        limit: &Limit,
    ) -> Result<Holding, Problem> {
        let numbers = [("/tokens", limit.tokens), ("/user_tokens", limit.user_tokens)];
        let is_wrong = |number: i64| !(0..=Limit::TOKENS_MAX).contains(&number);
        let wrong = numbers.into_iter().filter(|(_, number)| number.is_some_and(is_wrong));
        let detail = || format!("It must be from 0 to {}, or null.", Limit::TOKENS_MAX);
        let errors: Vec<_> = wrong.map(|(pointer, _)| FieldError::new(pointer, detail())).collect();
        if !errors.is_empty() {
            return Err(Problem::validation(errors));
        }
        let now = self.clock.now();
        let entry = entry(caller, address, account_id)
            .with("tokens", limit.tokens)
            .with("user_tokens", limit.user_tokens)
            .with("period", limit.period.as_str());
        let put = vec![usage::put_limit(account_id, limit, now)];
        audit::commit(&self.database, now, put, vec![entry], When::Changed).await?;
        self.limit(account_id).await
    }

    /// Lets what holds for all hold for an account again.
    pub async fn forget_limit(
        &self,
        (caller, address): (&Caller, ClientAddress),
        account_id: AccountId,
    ) -> Result<(), Problem> {
        self.limit(account_id).await?;
        let delete = vec![usage::delete_limit(account_id)];
        let entries = vec![entry(caller, address, account_id)];
        audit::commit(&self.database, self.clock.now(), delete, entries, When::Changed).await?;
        Ok(())
    }
}

/// Whose tokens a caller uses.
pub fn spender(caller: &Caller) -> Spender {
    Spender { account_id: caller.account_id, user_id: caller.user_id }
}

fn entry(caller: &Caller, address: ClientAddress, account_id: AccountId) -> Entry {
    Entry::by(caller, address, "quota.changed").in_log(Log::Platform).on(account_id)
}
