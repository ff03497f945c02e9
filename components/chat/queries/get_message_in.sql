SELECT wire
FROM message
WHERE account_id = ?1
  AND conversation_id = ?2
  AND id = ?3
