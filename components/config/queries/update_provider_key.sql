UPDATE provider_key
SET name = ?3, base_url = ?4, origin = ?5, is_active = ?6, version = version + 1, updated_at = max(updated_at, ?7)
WHERE account_id = ?1
  AND id = ?2
