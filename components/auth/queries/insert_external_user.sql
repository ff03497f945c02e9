INSERT INTO user (id, email, email_verified, name, auth_provider, created_at, updated_at, last_login_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)
