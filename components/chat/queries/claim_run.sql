-- Keeps the run ?9 as the answer; nothing when it was not begun.
INSERT INTO idempotency_key (account_id, user_id, name, route, fingerprint, created_at, status, body, about)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, r.conversation_id
FROM run AS r
WHERE r.account_id = ?1
  AND r.id = ?9
