DELETE FROM conversation_file
WHERE account_id = ?1
  AND conversation_id = ?2
  AND file_id = ?3
  AND EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?2 AND ?4 < c.ends_at)
RETURNING file_id
