INSERT INTO oidc_flow (state_hash, provider, browser_hash, return_to, app_challenge, created_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
