INSERT INTO user (id, email, password_hash, is_admin, created_at, updated_at)
VALUES (?1, ?2, ?3, 1, ?4, ?4)
