//! Files, uploads in parts, links, and the same as OpenAI's SDKs call it.

use bytes::Bytes;
use serde_json::json;

use super::{Call, Walk, id_of, text_of};
use crate::{Client, Person};

const FORM: &str = "multipart/form-data; boundary=b0undary";

/// A form with a field and a file.
fn form(field: (&str, &str), file: &str) -> Bytes {
    let (name, value) = field;
    format!(
        "--b0undary\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n\
         --b0undary\r\ncontent-disposition: form-data; name=\"{file}\"; filename=\"walk.txt\"\r\ncontent-type: text/plain\r\n\r\nthread\r\n\
         --b0undary--\r\n"
    )
    .into()
}

impl Walk {
    pub(super) async fn files(&mut self, ada: &Person) {
        let client = &ada.client;
        self.step(client, "list_buckets", Call::new()).await;
        let form = Call::new().bytes(FORM, form(("bucket", "user-files"), "file"));
        let file = id_of(&self.step(client, "create_file", form).await);
        self.step(client, "list_files", Call::new()).await;
        self.step(client, "get_file", Call::id(&file)).await;
        let change = Call::id(&file).with(json!({"name": "stroll.txt"}));
        self.step(client, "update_file", change).await;
        self.step(client, "get_file_content", Call::id(&file)).await;
        let range = Call::id(&file).header("range", "bytes=1-3");
        let part = self.reply(client, "get_file_content", range).await;
        let part = part.map(|reply| (reply.status.as_u16(), reply.text()));
        self.require(part == Some((206, "hre".to_owned())), || format!("no range: {part:?}"));
        let sign = Call::id(&file).with(json!({"expires_in": 60}));
        let url = text_of(&self.step(client, "create_signed_url", sign).await["url"]);
        let token = url.rsplit('/').next().unwrap_or_default();
        let anonymous = self.anonymous.clone();
        self.step(&anonymous, "get_signed_file", Call::new().param("token", token)).await;
        self.uploads(client).await;
        self.openai_files(client).await;
        self.openai_uploads(client).await;
        self.step(client, "delete_file", Call::id(&file)).await;
    }

    async fn uploads(&mut self, client: &Client) {
        let body = json!({"bucket": "user-files", "name": "parts.txt", "mime_type": "text/plain", "size_bytes": 6});
        let upload = id_of(&self.step(client, "create_upload", Call::json(body.clone())).await);
        let part = Call::id(&upload).param("n", "1").bytes("application/octet-stream", "thread");
        self.step(client, "put_part", part).await;
        self.step(client, "get_upload", Call::id(&upload)).await;
        self.step(client, "complete_upload", Call::id(&upload)).await;
        let upload = id_of(&self.step(client, "create_upload", Call::json(body)).await);
        self.step(client, "delete_upload", Call::id(&upload)).await;
    }

    async fn openai_files(&mut self, client: &Client) {
        let form = Call::new().bytes(FORM, form(("purpose", "user_data"), "file"));
        let file = id_of(&self.step(client, "openai_create_file", form).await);
        self.step(client, "openai_list_files", Call::new()).await;
        self.step(client, "openai_get_file", Call::id(&file)).await;
        self.step(client, "openai_get_file_content", Call::id(&file)).await;
        self.step(client, "openai_delete_file", Call::id(&file)).await;
    }

    async fn openai_uploads(&mut self, client: &Client) {
        let body = json!({"bytes": 6, "filename": "a.txt", "mime_type": "text/plain", "purpose": "user_data"});
        let upload = Call::json(body.clone());
        let upload = id_of(&self.step(client, "openai_create_upload", upload).await);
        let data = form(("ignored", ""), "data");
        // This route takes the field `data` alone.
        let start = data.windows(10).rposition(|window| window == b"--b0undary").unwrap_or(0);
        let start = data[..start].windows(10).rposition(|window| window == b"--b0undary");
        let part = Call::id(&upload).bytes(FORM, data.slice(start.unwrap_or(0)..));
        let part = id_of(&self.step(client, "openai_add_part", part).await);
        let complete = Call::id(&upload).with(json!({"part_ids": [part]}));
        self.step(client, "openai_complete_upload", complete).await;
        let upload = id_of(&self.step(client, "openai_create_upload", Call::json(body)).await);
        self.step(client, "openai_cancel_upload", Call::id(&upload)).await;
    }
}
