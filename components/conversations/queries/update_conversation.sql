-- What is NULL stays; ?4 says whether the title changes, because a title can be taken away. ?3 is a JSON array of the versions that may be
-- overwritten, NULL for any.
UPDATE conversation
SET title = CASE WHEN ?4 THEN ?5 ELSE title END,
  metadata = coalesce(?6, metadata),
  pinned = coalesce(?7, pinned),
  archived = coalesce(?8, archived),
  version = version + 1,
  updated_at = max(updated_at, ?9)
WHERE account_id = ?1
  AND id = ?2
  AND (?3 IS NULL OR version IN (SELECT value FROM json_each(?3)))
RETURNING id, continuation_id, title, metadata, message_count, pinned, archived, version, created_at, updated_at, last_message_at, active_at
