INSERT INTO conversation (account_id, id, metadata, created_at, updated_at, active_at)
VALUES (?1, ?2, ?3, ?4, ?4, ?4)
