INSERT INTO secret (account_id, kind, id, kek_id, wrapped_dek, sealed, last_four, created_at, updated_at)
VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
ON CONFLICT (id) DO UPDATE
SET kek_id = excluded.kek_id, wrapped_dek = excluded.wrapped_dek, sealed = excluded.sealed, last_four = excluded.last_four,
  updated_at = excluded.updated_at
WHERE account_id IS NULL
