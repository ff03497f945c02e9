//! `selvage admin`: administrators of the platform. There is no other way to the first one.

use std::io::BufRead as _;

use ambient::{Clock, Entropy, UnixMillis};
use audit::{Entry, Log, When};
use credentials::{HashParameters, Password, PasswordPolicy, hash_password};
use database::{Database, DatabaseError, Statement};
use ids::{AccountId, Id, UserId};

use crate::arguments::{Admin, AdminAction};
use crate::error::CliError;
use crate::location::Location;
use crate::terminal;

/// What a new password has at least, as the default of `password_min_length`.
const PASSWORD_CHARS_MIN: usize = 12;

/// Makes someone an administrator of the platform.
///
/// # Errors
/// A database that cannot be used or is not up to date; a person who is there already, or is not.
pub async fn admin(arguments: Admin) -> Result<(), CliError> {
    let location = Location::chosen(&arguments.database)?;
    let database = location.open_existing()?;
    let checked = migrations::check(&database).await;
    checked.map_err(|source| CliError::Migration { database: location.to_string(), source })?;
    let now = Clock::system().now();
    let failed = |source| CliError::Database { database: location.to_string(), source };
    match arguments.action {
        AdminAction::Create { email } => {
            let email = address(&email)?;
            let password = read_password(&email)?;
            let hash = hash(&password)?;
            create(&database, &email, &hash, now, failed).await
        }
        AdminAction::Promote { email } => promote(&database, &address(&email)?, now, failed).await,
    }
}

async fn create(
    database: &Database,
    email: &str,
    password_hash: &str,
    now: UnixMillis,
    failed: impl Fn(DatabaseError) -> CliError,
) -> Result<(), CliError> {
    let entropy = Entropy::system();
    let user_id: UserId = Id::generate(now, &entropy).map_err(CliError::Entropy)?;
    let account_id: AccountId = Id::generate(now, &entropy).map_err(CliError::Entropy)?;
    let name = email.split('@').next().unwrap_or(email);
    let action = vec![
        Statement::new(include_str!("../queries/insert_admin.sql"))
            .bind(user_id.to_string())
            .bind(email)
            .bind(password_hash)
            .bind(now.0),
        Statement::new(include_str!("../queries/insert_personal_account.sql"))
            .bind(account_id.to_string())
            .bind(name)
            .bind(now.0),
        Statement::new(include_str!("../queries/insert_owner.sql"))
            .bind(account_id.to_string())
            .bind(user_id.to_string())
            .bind(now.0),
    ];
    let entry = Entry::by_system(Log::Platform, "user.admin_created").on(user_id);
    match audit::commit(database, now, action, vec![entry], When::Always).await {
        Ok(_) => {
            terminal::result(format_args!("created     {user_id}  {email}"));
            Ok(())
        }
        Err(error) if error.is_unique("user.email") => {
            Err(CliError::EmailTaken { email: email.to_owned() })
        }
        Err(error) => Err(failed(error)),
    }
}

async fn promote(
    database: &Database,
    email: &str,
    now: UnixMillis,
    failed: impl Fn(DatabaseError) -> CliError,
) -> Result<(), CliError> {
    let find = Statement::new(include_str!("../queries/find_user_by_email.sql")).bind(email);
    let rows = database.query(find).await.map_err(&failed)?;
    let Some(row) = rows.first() else {
        return Err(CliError::NoSuchPerson { email: email.to_owned() });
    };
    let id: String = row.get("id").map_err(&failed)?;
    let action = vec![
        Statement::new(include_str!("../queries/promote_user.sql")).bind(id.as_str()).bind(now.0),
    ];
    let entry = Entry::by_system(Log::Platform, "user.promoted").on(&id);
    audit::commit(database, now, action, vec![entry], When::Changed).await.map_err(failed)?;
    terminal::result(format_args!("promoted    {id}  {email}"));
    Ok(())
}

/// The address in the form in which addresses are stored.
fn address(text: &str) -> Result<String, CliError> {
    let email = text.trim().to_ascii_lowercase();
    let parts = email.split_once('@');
    let is_one = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && email.len() <= 254
        && email.bytes().all(|byte| byte.is_ascii_graphic());
    if is_one { Ok(email) } else { Err(CliError::Email { text: text.to_owned() }) }
}

/// The first line of standard input: arguments can be read by every user of the machine.
fn read_password(email: &str) -> Result<Password, CliError> {
    if terminal::can_ask() {
        terminal::say(format_args!("The password of {email}; it is shown while you type:"));
    }
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).map_err(CliError::StandardInput)?;
    if read == 0 {
        return Err(CliError::NoPassword);
    }
    let password = Password::new(line.trim_end_matches(['\r', '\n']).to_owned());
    let (local, domain) = email.split_once('@').unwrap_or_default();
    let site = domain.split('.').next().unwrap_or_default();
    let policy = PasswordPolicy { chars_min: PASSWORD_CHARS_MIN };
    policy.check(&password, &[local, site]).map_err(CliError::Password)?;
    Ok(password)
}

fn hash(password: &Password) -> Result<String, CliError> {
    let salt = Entropy::system().bytes().map_err(CliError::Entropy)?;
    HashParameters::recommended()
        .and_then(|parameters| hash_password(password, salt, &parameters))
        .map_err(CliError::PasswordHash)
}
