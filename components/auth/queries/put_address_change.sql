-- For an active person alone, and not for an address that somebody has; replaces an older token for the same purpose.
INSERT INTO one_time_token (user_id, purpose, token_hash, email, created_at, expires_at)
SELECT u.id, 'change', ?2, ?3, ?4, ?5
FROM user AS u
WHERE u.id = ?1
  AND u.is_active = 1
  AND NOT EXISTS (SELECT 1 FROM user AS o WHERE o.email = ?3)
ON CONFLICT (user_id, purpose) DO UPDATE
SET token_hash = excluded.token_hash, email = excluded.email, created_at = excluded.created_at, expires_at = excluded.expires_at
RETURNING user_id
