-- No row: the account has a conversation with this continuation id.
INSERT INTO conversation (account_id, id, continuation_id, title, metadata, created_at, updated_at, active_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)
ON CONFLICT (account_id, continuation_id) DO NOTHING
RETURNING id
