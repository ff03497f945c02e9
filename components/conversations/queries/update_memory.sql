-- What is NULL stays.
UPDATE memory
SET value = coalesce(?4, value), metadata = coalesce(?5, metadata), updated_at = max(updated_at, ?6)
WHERE account_id = ?1
  AND user_id = ?2
  AND id = ?3
RETURNING id, kind, key, value, metadata, source_conversation_id, created_at, updated_at, last_accessed_at
