DELETE FROM memory
WHERE account_id = ?1
  AND user_id = ?2
  AND id = ?3
RETURNING id
