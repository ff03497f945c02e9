DELETE FROM model
WHERE account_id = ?1
  AND id = ?2
RETURNING id
