-- What is NULL stays; ?4 says whether the title changes, because a title can be taken away, and ?10 the same of the lifetime. ?3 is a JSON
-- array of the versions that may be overwritten, NULL for any.
UPDATE conversation
SET title = CASE WHEN ?4 THEN ?5 ELSE title END,
  metadata = coalesce(?6, metadata),
  pinned = coalesce(?7, pinned),
  archived = coalesce(?8, archived),
  lifetime_ms = CASE WHEN ?10 THEN ?11 ELSE lifetime_ms END,
  version = version + 1,
  updated_at = max(updated_at, ?9)
WHERE account_id = ?1
  AND id = ?2
  AND (?3 IS NULL OR version IN (SELECT value FROM json_each(?3)))
  AND EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?2 AND ?9 < c.ends_at)
RETURNING id
