//! The routes of the component: all of them, and nothing else reaches a handler.

use axum::Router;
use caller::{Role, Scope};
use keyring::Purpose;
use problem::{Manners, with_manners};
use routes::{Access, Declaration, Gates, Route, RouteTable};

use crate::service::Auth;
use crate::{accounts, admin, api_keys, external, http, me, password, session, step_up, totp};

/// What every list takes.
const PAGED: &[&str] = &["limit", "cursor"];

const READ: Access = Access::Account(Role::Viewer, Scope::AccountRead);
const ADMINISTER: Access = Access::Account(Role::Admin, Scope::AccountAdmin);

fn table() -> RouteTable<Auth> {
    let routes = [
        sign_in(),
        sessions(),
        passwords(),
        external(),
        me(),
        api_keys(),
        accounts(),
        members(),
        administration(),
    ];
    RouteTable::new(routes.into_iter().flatten())
}

fn sign_in() -> Vec<Route<Auth>> {
    vec![
        Route::post("/api/auth/signup", Access::Public, "signup", http::signup)
            .summary("Sign up with an e-mail address and a password.")
            .takes("SignUp")
            .gives(201, "SignedIn"),
        Route::post("/api/auth/login", Access::Public, "login", http::login)
            .summary("Sign in with an e-mail address or user name and the password.")
            .takes("LogIn")
            .gives(200, "SignedIn"),
        Route::get("/.well-known/jwks.json", Access::Public, "get_jwks", http::get_jwks)
            .summary("The public keys that verify access tokens (RFC 7517).")
            .gives(200, "KeySet"),
        Route::get("/api/openapi.json", Access::Public, "get_openapi", http::get_openapi)
            .summary("This interface as an OpenAPI 3.1 document.")
            .gives(200, "OpenApi")
            .without_database(),
        Route::get("/api/health", Access::Public, "get_health", http::get_health)
            .summary("Whether the component runs.")
            .gives(200, "Health")
            .without_database(),
        Route::get("/healthz", Access::Public, "get_healthz", http::get_health)
            .summary("Whether the component runs; for orchestrators.")
            .gives(200, "Health")
            .without_database(),
        Route::get("/readyz", Access::Public, "get_readyz", http::get_readyz)
            .summary("Whether the component can serve: its database answers and has its schema.")
            .gives(200, "Health"),
    ]
}

fn sessions() -> Vec<Route<Auth>> {
    use session::http;
    vec![
        Route::post("/api/auth/refresh", Access::Public, "refresh_session", http::refresh_session)
            .summary("Spend a refresh token for the next one and an access token.")
            .takes("Refresh")
            .gives(200, "SignedIn"),
        Route::post("/api/auth/logout", Access::Person, "logout", http::logout)
            .summary("End the session of the access token.")
            .open_to_unsettled(),
        Route::post("/api/auth/switch", Access::Person, "switch_account", http::switch_account)
            .summary("Sign in to another account that you are a member of.")
            .takes("Switch")
            .gives(200, "SignedIn"),
        Route::post(
            "/api/auth/reauthenticate",
            Access::Person,
            "reauthenticate",
            step_up::http::reauthenticate,
        )
        .summary("Show the password again, for what needs it; good for ten minutes.")
        .takes("StepUp"),
        Route::get("/api/me/sessions", Access::Person, "list_sessions", http::list_sessions)
            .summary("List your living sessions, the newest first.")
            .query(PAGED)
            .gives(200, "SessionPage"),
        Route::delete(
            "/api/me/sessions/{id}",
            Access::Person,
            "revoke_session",
            http::revoke_session,
        )
        .summary("End one of your sessions."),
    ]
}

fn passwords() -> Vec<Route<Auth>> {
    use password::http;
    let public = Access::Public;
    vec![
        Route::post("/api/auth/password", Access::Person, "change_password", http::change_password)
            .summary("Change your password; your other sessions end.")
            .open_to_unsettled()
            .takes("PasswordChange"),
        Route::post("/api/auth/password/forgot", public, "forget_password", http::forget_password)
            .summary("Have a link mailed with which to choose a new password.")
            .takes("PasswordForgotten"),
        Route::post("/api/auth/password/reset", public, "reset_password", http::reset_password)
            .summary("Choose a new password with a token that was mailed; all sessions end.")
            .takes("PasswordReset"),
        Route::post("/api/auth/email/verify", public, "verify_email", http::verify_email)
            .summary("Prove an address with a token that was mailed to it; one that was asked for becomes yours.")
            .takes("EmailVerification"),
    ]
}

fn external() -> Vec<Route<Auth>> {
    use external::http;
    let (public, person) = (Access::Public, Access::Person);
    let (start, callback) =
        ("/api/auth/oidc/{provider}/start", "/api/auth/oidc/{provider}/callback");
    vec![
        Route::get("/api/auth/providers", public, "list_providers", http::list_providers)
            .summary("List the identity providers at which people may sign in.")
            .gives(200, "ProviderPage")
            .without_database(),
        Route::post("/api/auth/exchange", public, "exchange_token", http::exchange_token)
            .summary("Sign in with a token of an identity provider, or with the code that a browser brought back.")
            .takes("Exchange")
            .gives(200, "SignedIn"),
        Route::get(start, public, "start_oidc", http::start_oidc)
            .summary("Send a browser to an identity provider.")
            .query(&["return_to", "code_challenge"])
            .redirects(),
        Route::get(callback, public, "finish_oidc", http::finish_oidc)
            .summary("Take back a browser from an identity provider; with return_to it is sent on with a code.")
            .query(&["state", "code", "iss", "error"])
            .gives(200, "SignedIn"),
        Route::get("/api/me/identities", person, "list_identities", http::list_identities)
            .summary("List your identities at providers, the newest first.")
            .query(PAGED)
            .gives(200, "IdentityPage"),
        Route::post("/api/me/identities", person, "link_identity", http::link_identity)
            .summary("Link an identity, with which you can then sign in.")
            .takes("IdentityLink")
            .gives(201, "Identity"),
        Route::delete(
            "/api/me/identities/{id}",
            person,
            "unlink_identity",
            http::unlink_identity,
        )
        .summary("Remove an identity of yours, unless it is the only way to sign in."),
    ]
}

fn me() -> Vec<Route<Auth>> {
    vec![
        Route::get("/api/me", Access::Person, "get_me", me::http::get_me)
            .summary("Get your profile.")
            .open_to_unsettled()
            .gives(200, "User"),
        Route::patch("/api/me", Access::Person, "update_me", me::http::update_me)
            .summary("Change your user name or name; ask for another e-mail address, to which a link is sent.")
            .takes("ProfileChange")
            .gives(200, "User"),
        Route::delete("/api/me", Access::Person, "delete_me", me::http::delete_me)
            .summary("Leave, with everything that nobody else has a part in.")
            .takes("Reauthentication"),
        Route::post("/api/auth/totp", Access::Person, "enrol_totp", totp::http::enrol_totp)
            .summary("Begin to set up a second factor.")
            .takes("Reauthentication")
            .gives(200, "TotpEnrolment")
            .repeatable(),
        Route::post(
            "/api/auth/totp/confirm",
            Access::Person,
            "confirm_totp",
            totp::http::confirm_totp,
        )
        .summary("Confirm the second factor with a code of the app.")
        .takes("TotpCode"),
        Route::delete("/api/auth/totp", Access::Person, "remove_totp", totp::http::remove_totp)
            .summary("Remove the second factor.")
            .takes("Reauthentication"),
    ]
}

fn api_keys() -> Vec<Route<Auth>> {
    use api_keys::http;
    // No key makes or ends keys: whoever steals one must not be able to keep more.
    let own = Access::Member(Role::Viewer);
    vec![
        Route::post("/api/tokens", own, "create_api_key", http::create_api_key)
            .summary("Make an API key for the account of the session; its token is shown once.")
            .takes("ApiKeyCreation")
            .gives(201, "ApiKeyCreated")
            .repeatable(),
        Route::get("/api/tokens", own, "list_api_keys", http::list_api_keys)
            .summary("List your API keys in the account of the session, the newest first.")
            .query(PAGED)
            .gives(200, "ApiKeyPage"),
        Route::delete("/api/tokens/{id}", own, "delete_api_key", http::delete_api_key)
            .summary("End an API key of yours, from its next request on."),
    ]
}

fn accounts() -> Vec<Route<Auth>> {
    use accounts::http;
    vec![
        Route::get("/api/accounts", READ, "list_accounts", http::list_accounts)
            .summary("List your accounts; with an API key, the one that it is for.")
            .query(PAGED)
            .gives(200, "AccountPage"),
        Route::post("/api/accounts", Access::Person, "create_account", http::create_account)
            .summary("Create a team account, of which you are the owner.")
            .takes("AccountName")
            .gives(201, "Account")
            .repeatable(),
        Route::get("/api/accounts/{id}", READ, "get_account", http::get_account)
            .summary("Get an account of yours.")
            .of_the_account_in_its_path()
            .gives(200, "Account"),
        Route::patch("/api/accounts/{id}", ADMINISTER, "update_account", http::update_account)
            .summary("Rename an account.")
            .of_the_account_in_its_path()
            .takes("AccountName")
            .gives(200, "Account"),
        Route::delete(
            "/api/accounts/{id}",
            Access::Member(Role::Owner),
            "delete_account",
            http::delete_account,
        )
        .summary("Delete a team account and everything in it.")
        .of_the_account_in_its_path()
        .needs_step_up(),
        Route::get("/api/accounts/{id}/audit", ADMINISTER, "list_audit", http::list_audit)
            .summary("List who did what in an account, the newest first.")
            .of_the_account_in_its_path()
            .query(&["limit", "cursor", "action"])
            .gives(200, "AuditPage"),
    ]
}

fn members() -> Vec<Route<Auth>> {
    use accounts::http;
    // Everyone may leave; who may do more depends on both ranks.
    let leave = Access::Account(Role::Viewer, Scope::AccountAdmin);
    let member = "/api/accounts/{id}/members/{user_id}";
    let invitations = "/api/accounts/{id}/invitations";
    let invitation = "/api/accounts/{id}/invitations/{invitation_id}";
    vec![
        Route::get("/api/accounts/{id}/members", READ, "list_members", http::list_members)
            .summary("List the members of an account.")
            .of_the_account_in_its_path()
            .query(PAGED)
            .gives(200, "MemberPage"),
        Route::patch(member, leave, "update_member", http::update_member)
            .summary("Give a member another role, at most your own; yourself a lower one.")
            .of_the_account_in_its_path()
            .takes("MemberRole")
            .gives(200, "Member"),
        Route::delete(member, leave, "remove_member", http::remove_member)
            .summary("Take a member of a lower rank out of an account, or leave it.")
            .of_the_account_in_its_path(),
        Route::get(invitations, ADMINISTER, "list_invitations", http::list_invitations)
            .summary("List the open invitations of an account, the newest first.")
            .of_the_account_in_its_path()
            .query(PAGED)
            .gives(200, "InvitationPage"),
        Route::post(invitations, ADMINISTER, "create_invitation", http::create_invitation)
            .summary("Invite someone by mail.")
            .of_the_account_in_its_path()
            .takes("InvitationCreation")
            .gives(201, "Invitation")
            .repeatable(),
        Route::delete(invitation, ADMINISTER, "revoke_invitation", http::revoke_invitation)
            .summary("Take an invitation back.")
            .of_the_account_in_its_path(),
        Route::post(
            "/api/invitations/accept",
            Access::Person,
            "accept_invitation",
            http::accept_invitation,
        )
        .summary("Join the account that an invitation is for.")
        .takes("InvitationToken")
        .gives(200, "Account")
        .repeatable(),
    ]
}

fn administration() -> Vec<Route<Auth>> {
    use admin::http;
    let platform = Access::Platform;
    vec![
        Route::get("/api/admin/users", platform, "list_users", http::list_users)
            .summary("List all people, the newest first.")
            .query(PAGED)
            .gives(200, "UserRecordPage"),
        Route::get("/api/admin/users/{id}", platform, "get_user", http::get_user)
            .summary("Get a person.")
            .gives(200, "UserRecord"),
        Route::patch("/api/admin/users/{id}", platform, "update_user", http::update_user)
            .summary("Shut a person out or let one in; make or unmake an administrator.")
            .takes("UserFlags")
            .gives(200, "UserRecord"),
        Route::post(
            "/api/admin/users/{id}/sign-out",
            platform,
            "sign_out_user",
            http::sign_out_user,
        )
        .summary("End all sessions of a person."),
        Route::post("/api/admin/users/{id}/reset-mfa", platform, "reset_mfa", http::reset_mfa)
            .summary("Remove the second factor of a person who has lost it; all sessions end."),
        Route::get("/api/admin/audit", platform, "list_platform_audit", http::list_platform_audit)
            .summary("List who did what to the platform, the newest first.")
            .query(&["limit", "cursor", "action"])
            .gives(200, "AuditPage"),
    ]
}

/// The schemas of the bodies that the routes name: a JSON object of JSON Schemas.
pub fn schemas() -> &'static str {
    include_str!("../schemas.json")
}

/// The component's routes as data.
pub fn declarations() -> Vec<Declaration> {
    table().declarations().cloned().collect()
}

pub(crate) fn router(state: Auth) -> Router {
    let Auth { database, settings, clock, entropy, .. } = state.clone();
    let peppers = settings.keyring.iter().map(|root| root.derive(Purpose::IdempotencyPepper));
    let gates = Gates::new(database, &settings.data, clock.clone(), entropy.clone(), peppers);
    with_manners(table().into_router(state, &gates), Manners { clock, entropy })
}
