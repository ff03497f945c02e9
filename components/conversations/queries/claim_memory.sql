-- Keeps the memory that was just written as the answer, as the service writes it: ?8, or the fact under the key ?9, which kept its id.
INSERT INTO idempotency_key (account_id, user_id, name, route, fingerprint, created_at, status, body, about)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, CASE m.id WHEN ?8 THEN ?7 ELSE 200 END,
  '{"id":' || json_quote(m.id)
    || ',"kind":' || json_quote(m.kind)
    || ',"key":' || json_quote(m.key)
    || ',"value":' || json_quote(m.value)
    || ',"source_conversation_id":' || json_quote(m.source_conversation_id)
    || ',"metadata":' || m.metadata
    || ',"created_at":"' || strftime('%Y-%m-%dT%H:%M:%S', m.created_at / 1000, 'unixepoch') || printf('.%03dZ', m.created_at % 1000)
    || '","updated_at":"' || strftime('%Y-%m-%dT%H:%M:%S', m.updated_at / 1000, 'unixepoch') || printf('.%03dZ', m.updated_at % 1000)
    || '","last_accessed_at":'
    || coalesce('"' || strftime('%Y-%m-%dT%H:%M:%S', m.last_accessed_at / 1000, 'unixepoch') || printf('.%03dZ', m.last_accessed_at % 1000) || '"', 'null')
    || '}',
  m.id
FROM memory AS m
WHERE changes() > 0
  AND m.account_id = ?1
  AND m.user_id = ?2
  AND (m.id = ?8 OR m.key = ?9)
