UPDATE session
SET last_used_at = max(last_used_at, ?3), user_agent = coalesce(?4, user_agent), ip = coalesce(?5, ip)
WHERE account_id = ?1
  AND id = ?2
  AND revoked_at IS NULL
