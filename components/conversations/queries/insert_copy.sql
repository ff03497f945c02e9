-- A conversation for the copies of messages of the conversation ?7 of the account ?6. What stays in the account lives as long as its source
-- does after its last message. Nothing is written when the source is gone.
INSERT INTO conversation (account_id, id, title, metadata, lifetime_ms, created_at, updated_at, active_at)
SELECT ?1, ?2, ?3, ?4, CASE WHEN c.account_id = ?1 THEN c.lifetime_ms END, ?5, ?5, ?5
FROM conversation_life AS c
WHERE c.account_id = ?6
  AND c.id = ?7
  AND ?5 < c.ends_at
