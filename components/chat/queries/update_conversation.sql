UPDATE conversation
SET metadata = ?3,
  version = version + 1,
  updated_at = max(updated_at, ?4)
WHERE account_id = ?1
  AND id = ?2
  AND EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?2 AND ?4 < c.ends_at)
RETURNING metadata, created_at
