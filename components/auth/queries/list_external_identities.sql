SELECT id, provider, issuer, subject, created_at, last_used_at
FROM external_identity
WHERE user_id = ?1
  AND (?2 IS NULL OR id < ?2)
ORDER BY id DESC
LIMIT ?3
