-- Keeps the conversation ?8 as the answer, written as the service writes it.
INSERT INTO idempotency_key (account_id, user_id, name, route, fingerprint, created_at, status, etag, body, about)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, '"' || c.version || '-' || c.message_count || '"',
  '{"id":' || json_quote(c.id)
    || ',"continuation_id":' || json_quote(c.continuation_id)
    || ',"title":' || json_quote(c.title)
    || ',"metadata":' || c.metadata
    || ',"message_count":' || c.message_count
    || ',"pinned":' || CASE c.pinned WHEN 1 THEN 'true' ELSE 'false' END
    || ',"archived":' || CASE c.archived WHEN 1 THEN 'true' ELSE 'false' END
    || ',"temporary":' || CASE WHEN c.lifetime_ms IS NULL THEN 'false' ELSE 'true' END
    || ',"expires_at":'
    || CASE c.ends_at
      WHEN 9223372036854775807 THEN 'null'
      ELSE '"' || strftime('%Y-%m-%dT%H:%M:%S', c.ends_at / 1000, 'unixepoch') || printf('.%03dZ', c.ends_at % 1000) || '"'
    END
    || ',"created_at":"' || strftime('%Y-%m-%dT%H:%M:%S', c.created_at / 1000, 'unixepoch') || printf('.%03dZ', c.created_at % 1000)
    || '","updated_at":"' || strftime('%Y-%m-%dT%H:%M:%S', c.updated_at / 1000, 'unixepoch') || printf('.%03dZ', c.updated_at % 1000)
    || '","last_message_at":'
    || coalesce('"' || strftime('%Y-%m-%dT%H:%M:%S', c.last_message_at / 1000, 'unixepoch') || printf('.%03dZ', c.last_message_at % 1000) || '"', 'null')
    || '}',
  c.id
FROM conversation_life AS c
WHERE c.account_id = ?1
  AND c.id = ?8
