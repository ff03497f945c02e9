-- Writes nothing when the session was not made, so that both can be in one batch.
INSERT INTO refresh_token (token_hash, account_id, session_id, created_at, expires_at)
SELECT ?3, s.account_id, s.id, ?4, ?5
FROM session AS s
WHERE s.account_id = ?1
  AND s.id = ?2
