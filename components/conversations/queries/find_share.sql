SELECT s.account_id, s.conversation_id, s.tip_seq, s.title, s.created_at
FROM share AS s
JOIN conversation_life AS c ON c.account_id = s.account_id AND c.id = s.conversation_id
WHERE s.token_hash = ?1
  AND ?2 < c.ends_at
