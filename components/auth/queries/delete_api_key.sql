DELETE FROM api_key
WHERE account_id = ?1
  AND id = ?2
  AND user_id = ?3
RETURNING id
