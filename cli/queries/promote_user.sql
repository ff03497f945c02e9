UPDATE user
SET is_admin = 1,
  updated_at = ?2
WHERE id = ?1
