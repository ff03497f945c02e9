-- Only for the token that named it, and once: whoever comes second in a race finds it there.
INSERT INTO refresh_token (token_hash, account_id, session_id, created_at, expires_at)
SELECT t.successor_hash, t.account_id, t.session_id, ?4, ?5
FROM refresh_token AS t
WHERE t.account_id = ?1
  AND t.token_hash = ?2
  AND t.successor_hash = ?3
ON CONFLICT DO NOTHING
