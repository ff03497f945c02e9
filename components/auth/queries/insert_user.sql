INSERT INTO user (id, email, username, name, password_hash, created_at, updated_at, last_login_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
