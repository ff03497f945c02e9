-- Keeps the messages from ?8 on as the answer: those that were just appended to the conversation ?9. Nothing when they were not.
INSERT INTO idempotency_key (account_id, user_id, name, route, fingerprint, created_at, status, body, about)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, '{"data":[' || group_concat(m.wire, ',' ORDER BY m.seq) || ']}', ?9
FROM message AS m
WHERE m.account_id = ?1
  AND m.conversation_id = ?9
  AND m.seq >= (SELECT first.seq FROM message AS first WHERE first.account_id = ?1 AND first.id = ?8)
HAVING count(*) > 0
