-- Password and second factor are checked again here, as when a session begins: ?4 is the hash that the password was compared with, ?5 what
-- the code was noted for.
UPDATE session
SET authenticated_at = ?6
WHERE account_id = ?1
  AND id = ?2
  AND user_id = ?3
  AND revoked_at IS NULL
  AND EXISTS (SELECT 1 FROM user AS u WHERE u.id = ?3 AND u.is_active = 1 AND u.password_hash = ?4)
  AND NOT EXISTS (
    SELECT 1
    FROM totp AS t
    WHERE t.user_id = ?3
      AND t.confirmed_at IS NOT NULL
      AND t.proven_session_id IS NOT ?5
  )
RETURNING id
