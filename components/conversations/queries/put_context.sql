-- ?5 is a JSON array of the versions that may be overwritten, NULL for any. No row: no such conversation, or another version.
INSERT INTO conversation_context (account_id, conversation_id, version, updated_at, document)
SELECT c.account_id, c.id, 1, ?4, ?3
FROM conversation_life AS c
LEFT JOIN conversation_context AS x ON x.account_id = c.account_id AND x.conversation_id = c.id
WHERE c.account_id = ?1
  AND c.id = ?2
  AND ?4 < c.ends_at
  AND (?5 IS NULL OR coalesce(x.version, 0) IN (SELECT value FROM json_each(?5)))
ON CONFLICT (account_id, conversation_id) DO UPDATE
SET document = excluded.document, version = version + 1, updated_at = excluded.updated_at
RETURNING version
