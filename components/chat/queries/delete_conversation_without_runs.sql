-- What it holds is removed behind that.
UPDATE conversation
SET deleted_at = ?3
WHERE account_id = ?1
  AND id = ?2
  AND deleted_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM run AS r WHERE r.account_id = ?1 AND r.conversation_id = ?2)
