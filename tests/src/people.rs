//! People, teams and API keys.

use std::time::Duration;

use futures::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::NoAnswer;
use crate::{Answer, Client, Server};

/// The password of everyone.
pub const PASSWORD: &str = "correct horse battery staple";

/// A person with the session of one account.
#[derive(Debug, Clone)]
pub struct Person {
    pub client: Client,
    pub email: String,
    pub user_id: String,
    pub account_id: String,
}

/// A team account.
#[derive(Debug)]
pub struct Team {
    /// The owner's session in the team.
    pub owner: Person,
    /// The sessions of its other people in the team.
    pub members: Vec<Person>,
}

impl Person {
    /// Signs up `NAME@example.com`.
    pub async fn sign_up(anonymous: &Client, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let (client, answer) = anonymous.sign_up(&email).await;
        let id = |owner: &str| text(&answer.body[owner]["id"]).to_owned();
        Self { client, email, user_id: id("user"), account_id: id("account") }
    }

    /// Opens a new session in this account.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn switch(&self, account_id: &str) -> Self {
        self.try_switch(account_id).await.expect("the server answers")
    }

    /// Opens a new session in this account, unless the server is gone.
    ///
    /// # Errors
    /// [`NoAnswer`] when no complete answer came back.
    pub async fn try_switch(&self, account_id: &str) -> Result<Self, NoAnswer> {
        let body = json!({"account_id": account_id});
        let answer = self.client.send(Method::POST, "/api/auth/switch", Some(&body)).await?;
        let answer = created(answer);
        let client = self.client.with_token(text(&answer["access_token"]));
        Ok(Self { client, account_id: account_id.to_owned(), ..self.clone() })
    }

    /// Opens a new session in the same account.
    #[must_use]
    pub async fn renew(&self) -> Self {
        self.switch(&self.account_id).await
    }

    /// Makes an API key with all scopes for the account of the session.
    pub async fn api_key(&self, name: &str) -> Client {
        const SCOPES: [&str; 11] = [
            "conversations:read",
            "conversations:write",
            "memory:read",
            "memory:write",
            "files:read",
            "files:write",
            "config:read",
            "config:write",
            "chat",
            "account:read",
            "account:admin",
        ];
        let body = json!({"name": name, "scopes": SCOPES});
        let answer = created(self.client.post("/api/tokens", &body).await);
        self.client.with_token(text(&answer["token"]))
    }

    /// Creates a model of the account at this base URL, and makes it the active one.
    pub async fn create_model(&self, name: &str, base_url: &str) -> String {
        let body = json!({"name": name, "provider": "openai-compatible", "model": name, "base_url": base_url});
        let model = created(self.client.post("/api/models", &body).await);
        let id = text(&model["id"]).to_owned();
        created(self.client.post(&format!("/api/models/{id}/activate"), &json!({})).await);
        id
    }

    /// Creates a conversation.
    pub async fn create_conversation(&self, title: &str) -> String {
        let body = json!({"title": title});
        text(&created(self.client.post("/api/conversations", &body).await)["id"]).to_owned()
    }
}

impl Team {
    /// Signs up an owner and so many others, each of whom accepts an invitation as an administrator of the team.
    pub async fn create(server: &Server, name: &str, size: usize) -> Self {
        let anonymous = Client::new(server.address());
        let owner = Person::sign_up(&anonymous, &format!("{name}-owner")).await;
        let team = created(owner.client.post("/api/accounts", &json!({"name": name})).await);
        let owner = owner.switch(text(&team["id"])).await;
        let people = (0..size).map(|n| {
            let (anonymous, owner) = (&anonymous, &owner);
            async move {
                let person = Person::sign_up(anonymous, &format!("{name}-{n}")).await;
                person.join(server, owner).await
            }
        });
        let members = join_all(people).await;
        Self { owner, members }
    }
}

impl Person {
    /// Accepts an invitation of the owner to the account of the owner's session.
    async fn join(&self, server: &Server, owner: &Self) -> Self {
        let path = format!("/api/accounts/{}/invitations", owner.account_id);
        let body = json!({"email": self.email, "role": "admin"});
        created(owner.client.post(&path, &body).await);
        let token = mailed_token(server, &self.email, "invitation").await;
        let body = json!({"token": token});
        created(self.client.post("/api/invitations/accept", &body).await);
        self.switch(&owner.account_id).await
    }
}

/// The token in the newest mail to this address whose link contains the word, from the server's log.
///
/// # Panics
/// When there is none within a minute.
pub async fn mailed_token(server: &Server, email: &str, word: &str) -> String {
    let to = format!("mail to={email} ");
    for _ in 0..600 {
        let log = server.log();
        let line = log.lines().rfind(|line| line.contains(&to) && line.contains(word));
        if let Some((_, token)) = line.and_then(|line| line.split_once("token=")) {
            return token.split_whitespace().next().unwrap_or_default().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no mail to {email} about {word}");
}

fn created(answer: Answer) -> Value {
    let is_fine = matches!(answer.status, StatusCode::OK | StatusCode::CREATED);
    assert!(is_fine, "{answer:?}");
    answer.body
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
