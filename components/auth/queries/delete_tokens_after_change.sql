-- With a new address every token that was sent before is void, the one that brought it too. Last in the batch: the audit log asks whether it
-- found that one.
DELETE FROM one_time_token
WHERE user_id = ?1
  AND EXISTS (SELECT 1 FROM one_time_token AS t WHERE t.token_hash = ?2 AND t.user_id = ?1 AND t.purpose = 'change' AND t.expires_at > ?3)
