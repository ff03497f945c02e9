UPDATE totp
SET confirmed_at = ?3, last_step = ?4
WHERE user_id = ?1
  AND sealed_secret = ?2
  AND confirmed_at IS NULL
RETURNING user_id
