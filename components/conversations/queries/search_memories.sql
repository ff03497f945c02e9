-- What the words of ?3 are in, the newest first, from the place before the number ?4 on; each that is found was accessed at ?8.
UPDATE memory NOT INDEXED
SET last_accessed_at = ?8
WHERE account_id = ?1
  AND user_id = ?2
  AND number IN (
    SELECT m.number
    FROM memory_index
    JOIN memory AS m ON m.number = memory_index.rowid
    WHERE memory_index MATCH ?3
      AND memory_index.rowid < ?4
      AND m.account_id = ?1
      AND m.user_id = ?2
      AND (?5 IS NULL OR m.kind = ?5)
      AND (?6 IS NULL OR m.source_conversation_id = ?6)
    ORDER BY memory_index.rowid DESC
    LIMIT ?7
  )
RETURNING number, id, kind, key, value, metadata, source_conversation_id, created_at, updated_at, last_accessed_at
