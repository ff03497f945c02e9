-- ?13 is the version that was read.
UPDATE model
SET name = ?3, provider = ?4, model = ?5, base_url = ?6, origin = ?7, context_window = ?8, verify_ssl = ?9, parameters = ?10, key_id = ?11,
  version = version + 1,
  updated_at = max(updated_at, ?12)
WHERE account_id = ?1
  AND id = ?2
  AND version = ?13
RETURNING id
