-- No row: the account has a conversation with this continuation id.
INSERT INTO conversation (account_id, id, continuation_id, title, metadata, lifetime_ms, created_at, updated_at, active_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?7)
ON CONFLICT (account_id, continuation_id) DO NOTHING
RETURNING id
