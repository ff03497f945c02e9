-- Keeps the message ?8 of the conversation ?9 as the answer; nothing when it was not appended.
INSERT INTO idempotency_key (account_id, user_id, name, route, fingerprint, created_at, status, body, about)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, m.wire, ?9
FROM message AS m
WHERE m.account_id = ?1
  AND m.conversation_id = ?9
  AND m.id = ?8
