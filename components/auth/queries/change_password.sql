-- Only while the hash is the one that the old password was compared with.
UPDATE user
SET password_hash = ?3, must_change_password = 0, updated_at = ?4
WHERE id = ?1
  AND password_hash = ?2
  AND is_active = 1
RETURNING id
