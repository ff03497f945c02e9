SELECT id, email, role, invited_by, created_at, expires_at
FROM invitation
WHERE account_id = ?1
  AND expires_at > ?2
  AND (?3 IS NULL OR id < ?3)
ORDER BY id DESC
LIMIT ?4
