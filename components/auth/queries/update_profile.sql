-- Each pair is a flag, whether to set the column, and the value.
UPDATE user
SET username = iif(?2, ?3, username), name = iif(?4, ?5, name), updated_at = ?6
WHERE id = ?1
  AND is_active = 1
RETURNING id, email, email_verified, username, name, auth_provider, created_at, last_login_at
