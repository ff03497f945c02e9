UPDATE provider_key
SET last_used_at = ?3
WHERE account_id = ?1
  AND id = ?2
  AND (last_used_at IS NULL OR last_used_at <= ?3 - 60000)
