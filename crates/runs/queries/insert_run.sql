-- No row when the conversation or the message ?11 in it is not there.
INSERT INTO run (account_id, id, producer, conversation_id, user_id, status, model_id, provider, model, request, user_message_id, tip_message_id, lease_until,
  created_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, 'running', ?6, ?7, ?8, ?9, ?10, m.id, ?12, ?13, ?13
FROM conversation_life AS c
JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?4 AND m.id = ?11
WHERE c.account_id = ?1
  AND c.id = ?4
  AND ?13 < c.ends_at
RETURNING id
