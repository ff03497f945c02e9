-- A conversation has a limited number of them.
SELECT id, conversation_id, title, created_at
FROM share
WHERE account_id = ?1
  AND conversation_id = ?2
ORDER BY created_at DESC, id DESC
