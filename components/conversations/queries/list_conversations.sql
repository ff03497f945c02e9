-- Newest activity first, from the place after (?2, ?3) on. A filter that is NULL lets everything pass.
SELECT id, continuation_id, title, metadata, message_count, pinned, archived, version, created_at, updated_at, last_message_at, active_at,
  lifetime_ms, nullif(ends_at, 9223372036854775807) AS expires_at
FROM conversation_life
WHERE account_id = ?1
  AND (active_at, id) < (?2, ?3)
  AND (?4 IS NULL OR archived = ?4)
  AND (?5 IS NULL OR pinned = ?5)
  AND (lifetime_ms IS NOT NULL) = ?6
  AND ?7 < ends_at
ORDER BY active_at DESC, id DESC
LIMIT ?8
