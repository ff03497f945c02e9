-- NULL leaves a flag as it is.
UPDATE user
SET is_active = coalesce(?2, is_active),
  is_admin = coalesce(?3, is_admin),
  updated_at = ?4
WHERE id = ?1
