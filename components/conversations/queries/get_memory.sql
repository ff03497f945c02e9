-- Reading is remembered too.
UPDATE memory
SET last_accessed_at = ?4
WHERE account_id = ?1
  AND user_id = ?2
  AND id = ?3
RETURNING id, kind, key, value, metadata, source_conversation_id, created_at, updated_at, last_accessed_at
