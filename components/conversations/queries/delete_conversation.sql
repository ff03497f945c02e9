-- Marks it as gone; what it holds is removed behind that. No row: no such conversation, or another version.
UPDATE conversation
SET deleted_at = ?4
WHERE account_id = ?1
  AND id = ?2
  AND (?3 IS NULL OR version IN (SELECT value FROM json_each(?3)))
  AND EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?2 AND ?4 < c.ends_at)
RETURNING id
