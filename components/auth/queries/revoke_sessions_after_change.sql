-- All sessions of the person but one, if the password is this new one: in one batch with its change, which may have changed nothing.
UPDATE session
SET revoked_at = ?2
WHERE user_id = ?1
  AND revoked_at IS NULL
  AND id IS NOT ?3
  AND EXISTS (SELECT 1 FROM user AS u WHERE u.id = ?1 AND u.password_hash = ?4)
