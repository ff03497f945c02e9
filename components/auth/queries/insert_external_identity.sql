INSERT INTO external_identity (issuer, subject, id, user_id, provider, created_at, last_used_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
