-- No row: no such conversation, or it has ?7 shares already.
INSERT INTO share (account_id, id, conversation_id, token_hash, tip_seq, title, created_at)
SELECT c.account_id, ?3, c.id, ?4, ?5, ?8, ?6
FROM conversation_life AS c
WHERE c.account_id = ?1
  AND c.id = ?2
  AND ?6 < c.ends_at
  AND (SELECT count(*) FROM share AS s WHERE s.account_id = ?1 AND s.conversation_id = ?2) < ?7
RETURNING id
