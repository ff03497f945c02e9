-- Only while the hash is the one that the old password was compared with, and the second factor is there if the new one needs it.
UPDATE user
SET password_hash = ?3, password_needs_factor = ?5, must_change_password = 0, updated_at = ?4
WHERE id = ?1
  AND password_hash IS ?2
  AND is_active = 1
  AND (?5 = 0 OR EXISTS (SELECT 1 FROM totp WHERE totp.user_id = ?1 AND totp.confirmed_at IS NOT NULL))
RETURNING id
