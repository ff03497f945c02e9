SELECT wire
FROM message
WHERE account_id = ?1
  AND id = ?2
