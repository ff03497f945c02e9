-- A fact whose key is there already is overwritten and keeps its id. No row: the account has no such source conversation.
INSERT INTO memory (account_id, user_id, id, kind, key, value, metadata, source_conversation_id, created_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9
WHERE ?8 IS NULL
  OR EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?8 AND ?9 < c.ends_at)
ON CONFLICT (account_id, user_id, key) DO UPDATE
SET value = excluded.value,
  metadata = excluded.metadata,
  source_conversation_id = excluded.source_conversation_id,
  updated_at = max(updated_at, excluded.updated_at)
RETURNING id, kind, key, value, metadata, source_conversation_id, created_at, updated_at, last_accessed_at
