DELETE FROM run
WHERE account_id = ?1
  AND id = ?2
RETURNING id
