//! The operations of administrators of the platform, and the public files that need one of their buckets.

use serde_json::json;

use super::{Call, Need, Walk, id_of, password, text_of};
use crate::{Client, Person};

/// What only an administrator may do.
const OPERATIONS: [&str; 27] = [
    "list_users",
    "get_user",
    "update_user",
    "sign_out_user",
    "reset_mfa",
    "list_platform_audit",
    "get_account_quota",
    "put_account_quota",
    "delete_account_quota",
    "create_bucket",
    "update_bucket",
    "get_public_file",
    "list_system_models",
    "create_system_model",
    "get_system_model",
    "update_system_model",
    "delete_system_model",
    "activate_system_model",
    "test_system_model",
    "list_system_mcp_servers",
    "create_system_mcp_server",
    "get_system_mcp_server",
    "update_system_mcp_server",
    "delete_system_mcp_server",
    "test_system_mcp_server",
    "get_system_settings",
    "put_system_settings",
];

impl Walk {
    pub(super) async fn administration(&mut self, ada: &Person) {
        let Some((login, secret)) = self.options.admin.clone() else {
            self.skip(Need::Admin, &OPERATIONS).await;
            return self.skip(Need::Admin, &["patch_system_settings"]).await;
        };
        let body = json!({"login": login, "password": secret});
        let signed_in = self.anonymous.post("/api/auth/login", &body).await.body;
        let admin = self.anonymous.with_token(&text_of(&signed_in["access_token"]));
        admin.post("/api/auth/reauthenticate", &json!({"password": secret})).await;
        self.people(&admin).await;
        self.quotas(&admin, ada).await;
        self.buckets(&admin, ada).await;
        self.scoped_config(&admin, "system_").await;
    }

    async fn people(&mut self, admin: &Client) {
        let kim = self.person("kim").await;
        kim.client.post("/api/auth/totp", &password()).await;
        self.step(admin, "list_users", Call::new()).await;
        self.step(admin, "get_user", Call::id(&kim.user_id)).await;
        self.step(admin, "reset_mfa", Call::id(&kim.user_id)).await;
        self.step(admin, "sign_out_user", Call::id(&kim.user_id)).await;
        let flags = Call::id(&kim.user_id).with(json!({"is_active": false}));
        self.step(admin, "update_user", flags).await;
        self.step(admin, "list_platform_audit", Call::new()).await;
    }

    async fn quotas(&mut self, admin: &Client, ada: &Person) {
        let account = Call::id(&ada.account_id);
        self.step(admin, "get_account_quota", account.clone()).await;
        let quota = json!({"tokens": 1_000_000, "user_tokens": null, "period": "month"});
        self.step(admin, "put_account_quota", account.clone().with(quota)).await;
        self.step(admin, "delete_account_quota", account).await;
    }

    async fn buckets(&mut self, admin: &Client, ada: &Person) {
        let name = self.mark.clone();
        let bucket = json!({"name": name, "file_bytes_max": 1024, "mime_types": ["text/*"], "visibility": "public"});
        self.step(admin, "create_bucket", Call::json(bucket)).await;
        let change = json!({"file_bytes_max": 2048});
        self.step(admin, "update_bucket", Call::new().param("name", &name).with(change)).await;
        let upload = Call::new().query(format!("name=public.txt&bucket={name}"));
        let upload = upload.bytes("text/plain", "public");
        let file = self.step(&ada.client, "create_file", upload).await;
        let token = format!("{}.{}", ada.account_id, id_of(&file));
        let anonymous = self.anonymous.clone();
        self.step(&anonymous, "get_public_file", Call::new().param("token", token)).await;
    }
}
