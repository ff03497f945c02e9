-- Parameters are those of another provider when that changes.
INSERT INTO model (account_id, id, name, provider, model, verify_ssl, parameters, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5, 1, '{}', ?6, ?6)
ON CONFLICT (account_id, id) DO UPDATE
SET provider = excluded.provider,
  model = excluded.model,
  context_window = NULL,
  parameters = CASE WHEN provider = excluded.provider THEN parameters ELSE '{}' END,
  version = version + 1,
  updated_at = excluded.updated_at
WHERE provider <> excluded.provider OR model <> excluded.model
