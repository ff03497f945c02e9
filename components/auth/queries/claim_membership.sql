-- Keeps the account ?8 as its new member sees it as the answer, written as the service writes it. Only when the statement before this one
-- changed a row: the invitation was spent.
INSERT INTO idempotency_key (account_id, user_id, name, route, fingerprint, created_at, status, body)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7,
  '{"id":' || json_quote(a.id)
    || ',"name":' || json_quote(a.name)
    || ',"kind":' || json_quote(a.kind)
    || ',"role":' || json_quote(m.role)
    || ',"created_at":"' || strftime('%Y-%m-%dT%H:%M:%S', a.created_at / 1000, 'unixepoch') || printf('.%03dZ', a.created_at % 1000)
    || '"}'
FROM account AS a
JOIN membership AS m ON m.account_id = a.id
WHERE changes() > 0
  AND a.id = ?8
  AND m.account_id = ?8
  AND m.user_id = ?2
