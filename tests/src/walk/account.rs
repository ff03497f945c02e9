//! Accounts, members, invitations and API keys.

use serde_json::json;

use super::{Call, Need, Walk, id_of, password};
use crate::Person;

impl Walk {
    pub(super) async fn accounts(&mut self, ada: &Person) {
        let key = json!({"name": "walk", "scopes": ["chat"]});
        let key = self.step(&ada.client, "create_api_key", Call::json(key)).await;
        self.step(&ada.client, "list_api_keys", Call::new()).await;
        self.step(&ada.client, "delete_api_key", Call::id(id_of(&key))).await;

        self.step(&ada.client, "list_accounts", Call::new()).await;
        let team = json!({"name": "Walkers"});
        let team = self.step(&ada.client, "create_account", Call::json(team)).await;
        let team = id_of(&team);
        let owner = ada.switch(&team).await;
        let client = owner.client.clone();
        self.step(&client, "get_account", Call::id(&team)).await;
        let name = json!({"name": "Strollers"});
        self.step(&client, "update_account", Call::id(&team).with(name)).await;
        self.step(&client, "list_audit", Call::id(&team)).await;
        self.members(&owner, &team).await;
        client.post("/api/auth/reauthenticate", &password()).await;
        self.step(&client, "delete_account", Call::id(&team)).await;
    }

    async fn members(&mut self, owner: &Person, team: &str) {
        let client = &owner.client;
        let email = format!("{}-ida@example.com", self.mark);
        let invitation = json!({"email": email, "role": "viewer"});
        let create = Call::id(team).with(invitation);
        let first = self.step(client, "create_invitation", create.clone()).await;
        self.step(client, "list_invitations", Call::id(team)).await;
        let revoke = Call::id(team).param("invitation_id", id_of(&first));
        self.step(client, "revoke_invitation", revoke).await;
        self.step(client, "list_members", Call::id(team)).await;
        if self.options.mails.is_none() {
            let names = ["accept_invitation", "update_member", "remove_member"];
            return self.skip(Need::Mails, &names).await;
        }
        // Another person, so that the newest mail is the one that counts.
        let jan = self.person("jan").await;
        let invitation = json!({"email": jan.email, "role": "viewer"});
        self.step(client, "create_invitation", Call::id(team).with(invitation)).await;
        let token = self.mailed_token(&jan.email, "invitation").await;
        let accept = Call::json(json!({"token": token}));
        self.step(&jan.client, "accept_invitation", accept).await;
        let member = Call::id(team).param("user_id", &jan.user_id);
        let role = json!({"role": "member"});
        self.step(client, "update_member", member.clone().with(role)).await;
        self.step(client, "remove_member", member).await;
    }
}
