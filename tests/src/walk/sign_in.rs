//! Signing up and in, sessions, passwords, second factors and identities.

use serde_json::{Value, json};

use super::{Call, Need, Walk, id_of, password, text_of};
use crate::Person;
use crate::people::PASSWORD;

impl Walk {
    pub(super) async fn sign_in(&mut self, ada: &Person) {
        let anonymous = self.anonymous.clone();
        for name in
            ["get_health", "get_healthz", "get_readyz", "get_jwks", "get_openapi", "list_providers"]
        {
            self.step(&anonymous, name, Call::new()).await;
        }
        let email = format!("{}-bea@example.com", self.mark);
        let signup = json!({"email": email, "password": PASSWORD, "name": "Bea"});
        self.step(&anonymous, "signup", Call::json(signup)).await;
        self.sessions(&email).await;
        self.profile(ada).await;
        self.passwords(&email).await;
        self.second_factor().await;
        self.identities().await;
    }

    async fn log_in(&mut self, login: &str, password: &str) -> Value {
        let body = json!({"login": login, "password": password});
        let anonymous = self.anonymous.clone();
        self.step(&anonymous, "login", Call::json(body)).await
    }

    async fn sessions(&mut self, email: &str) {
        let anonymous = self.anonymous.clone();
        let signed_in = self.log_in(email, PASSWORD).await;
        let refresh = json!({"refresh_token": signed_in["refresh_token"]});
        let signed_in = self.step(&anonymous, "refresh_session", Call::json(refresh)).await;
        let bea = anonymous.with_token(&text_of(&signed_in["access_token"]));
        self.step(&bea, "reauthenticate", Call::json(password())).await;
        let account = json!({"account_id": signed_in["account"]["id"]});
        let other = self.step(&bea, "switch_account", Call::json(account)).await;
        let other = anonymous.with_token(&text_of(&other["access_token"]));
        let sessions = self.step(&other, "list_sessions", Call::new()).await;
        let sessions = sessions["data"].as_array().cloned().unwrap_or_default();
        let foreign = sessions.iter().find(|session| session["current"] == false);
        let foreign = foreign.map(id_of).unwrap_or_default();
        self.step(&other, "revoke_session", Call::id(foreign)).await;
        self.step(&other, "logout", Call::new()).await;
    }

    async fn profile(&mut self, ada: &Person) {
        let ada = &ada.client;
        self.step(ada, "get_me", Call::new()).await;
        self.step(ada, "update_me", Call::json(json!({"name": "Ada"}))).await;
        let guest = self.person("guest").await;
        self.step(&guest.client, "delete_me", Call::json(password())).await;
        let new = format!("{}-new@example.com", self.mark);
        if self.options.mails.is_none() {
            return self.skip(Need::Mails, &["verify_email"]).await;
        }
        let carol = self.person("carol").await;
        let change = json!({"email": new, "current_password": PASSWORD});
        self.step(&carol.client, "update_me", Call::json(change)).await;
        let token = self.mailed_token(&new, "verify-email").await;
        let anonymous = self.anonymous.clone();
        self.step(&anonymous, "verify_email", Call::json(json!({"token": token}))).await;
    }

    async fn passwords(&mut self, email: &str) {
        let anonymous = self.anonymous.clone();
        self.step(&anonymous, "forget_password", Call::json(json!({"email": email}))).await;
        let new = "a long walk by the canal";
        if self.options.mails.is_some() {
            let token = self.mailed_token(email, "reset-password").await;
            let body = json!({"token": token, "new_password": new});
            self.step(&anonymous, "reset_password", Call::json(body)).await;
        } else {
            self.skip(Need::Mails, &["reset_password"]).await;
        }
        let dora = self.person("dora").await;
        let body = json!({"current_password": PASSWORD, "new_password": new});
        self.step(&dora.client, "change_password", Call::json(body)).await;
    }

    async fn second_factor(&mut self) {
        let emma = self.person("emma").await;
        let enrolment = self.step(&emma.client, "enrol_totp", Call::json(password())).await;
        let code = totp_code(&text_of(&enrolment["secret"]));
        self.step(&emma.client, "confirm_totp", Call::json(json!({"code": code}))).await;
        self.step(&emma.client, "remove_totp", Call::json(password())).await;
    }

    async fn identities(&mut self) {
        const NAMES: [&str; 5] =
            ["exchange_token", "start_oidc", "finish_oidc", "link_identity", "unlink_identity"];
        let fay = self.person("fay").await;
        self.step(&fay.client, "list_identities", Call::new()).await;
        let Some(identity) = self.options.identity.take() else {
            return self.skip(Need::Identity, &NAMES).await;
        };
        let anonymous = self.anonymous.clone();
        let token = identity.id_token("fay", None);
        let link = json!({"provider": "walk", "token": token, "password": PASSWORD});
        let linked = self.step(&fay.client, "link_identity", Call::json(link)).await;
        self.step(&fay.client, "unlink_identity", Call::id(id_of(&linked))).await;
        let exchange = json!({"provider": "walk", "token": identity.id_token("gil", None)});
        self.step(&anonymous, "exchange_token", Call::json(exchange)).await;
        let start = Call::new().param("provider", "walk");
        let Some(reply) = self.reply(&anonymous, "start_oidc", start).await else { return };
        let (query, cookie) = identity.sign_in(&reply.headers, "hal");
        let finish = Call::new().param("provider", "walk").query(query).header("cookie", cookie);
        self.step(&anonymous, "finish_oidc", finish).await;
    }
}

fn totp_code(secret: &str) -> String {
    let now = ambient::Clock::system().now().as_seconds();
    let Ok(secret) = totp_rs::Secret::try_from_base32(secret) else { return String::new() };
    let totp = totp_rs::Builder::new().with_secret(secret).build();
    totp.map_or_else(|_| String::new(), |totp| totp.generate(now).to_string())
}
