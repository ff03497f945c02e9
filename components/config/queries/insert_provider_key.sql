-- Fails by the trigger provider_key_limit when the account has as many as anyone may.
INSERT INTO provider_key (account_id, id, provider, name, base_url, origin, is_active, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
