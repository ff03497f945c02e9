SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at
FROM api_key
WHERE account_id = ?1
  AND user_id = ?2
  AND (?3 IS NULL OR id < ?3)
ORDER BY id DESC
LIMIT ?4
