-- Newest activity first, from the place after (?2, ?3) on. A filter that is NULL lets everything pass.
SELECT id, continuation_id, title, metadata, message_count, pinned, archived, version, created_at, updated_at, last_message_at, active_at
FROM conversation
WHERE account_id = ?1
  AND (active_at, id) < (?2, ?3)
  AND (?4 IS NULL OR archived = ?4)
  AND (?5 IS NULL OR pinned = ?5)
ORDER BY active_at DESC, id DESC
LIMIT ?6
