INSERT INTO conversation (account_id, id, continuation_id, title, metadata, created_at, updated_at, active_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)
RETURNING id, continuation_id, title, metadata, message_count, pinned, archived, version, created_at, updated_at, last_message_at, active_at
