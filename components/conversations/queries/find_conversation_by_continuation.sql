SELECT id, continuation_id, title, metadata, message_count, pinned, archived, version, created_at, updated_at, last_message_at, active_at,
  lifetime_ms, nullif(ends_at, 9223372036854775807) AS expires_at
FROM conversation_life
WHERE account_id = ?1
  AND continuation_id = ?2
  AND ?3 < ends_at
