-- Marks it as gone; what it holds is removed behind that.
UPDATE conversation
SET deleted_at = ?3
WHERE account_id = ?1
  AND id = ?2
  AND EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?2 AND ?3 < c.ends_at)
RETURNING id
