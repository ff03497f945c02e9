-- Fails, and the batch with it, unless the server is in the version ?3: it would insert a row without a name.
INSERT INTO mcp_server (account_id, id, name, url, transport, config, enabled, has_secret, created_at, updated_at)
SELECT ?1, ?2, NULL, '', 'sse', '{}', 0, 0, 0, 0
WHERE NOT EXISTS (SELECT 1 FROM mcp_server AS m WHERE m.account_id = ?1 AND m.id = ?2 AND m.version = ?3)
