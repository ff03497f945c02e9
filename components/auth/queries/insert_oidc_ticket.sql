INSERT INTO oidc_ticket (code_hash, provider, issuer, subject, verified_email, name, app_challenge, created_at, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
