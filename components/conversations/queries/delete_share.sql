DELETE FROM share
WHERE account_id = ?1
  AND id = ?2
  AND EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = share.conversation_id AND ?3 < c.ends_at)
RETURNING id
