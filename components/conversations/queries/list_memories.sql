-- What was changed last first, from the place after (?3, ?4) on. A filter that is NULL lets everything pass.
SELECT id, kind, key, value, metadata, source_conversation_id, created_at, updated_at, last_accessed_at
FROM memory
WHERE account_id = ?1
  AND user_id = ?2
  AND (updated_at, id) < (?3, ?4)
  AND (?5 IS NULL OR kind = ?5)
  AND (?6 IS NULL OR source_conversation_id = ?6)
ORDER BY updated_at DESC, id DESC
LIMIT ?7
