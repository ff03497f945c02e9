SELECT metadata, created_at
FROM conversation_life
WHERE account_id = ?1
  AND id = ?2
  AND ?3 < ends_at
