DELETE FROM conversation
WHERE account_id = ?1
  AND id = ?2
  AND (?3 IS NULL OR version IN (SELECT value FROM json_each(?3)))
RETURNING id
