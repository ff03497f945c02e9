SELECT id, continuation_id, title, metadata, message_count, pinned, archived, version, created_at, updated_at, last_message_at, active_at
FROM conversation
WHERE account_id = ?1
  AND continuation_id = ?2
