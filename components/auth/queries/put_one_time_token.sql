-- For an active person alone, at the address of this moment; replaces an older token for the same purpose.
INSERT INTO one_time_token (user_id, purpose, token_hash, email, created_at, expires_at)
SELECT u.id, ?2, ?3, u.email, ?4, ?5
FROM user AS u
WHERE u.id = ?1
  AND u.is_active = 1
ON CONFLICT (user_id, purpose) DO UPDATE
SET token_hash = excluded.token_hash, email = excluded.email, created_at = excluded.created_at, expires_at = excluded.expires_at
RETURNING user_id
