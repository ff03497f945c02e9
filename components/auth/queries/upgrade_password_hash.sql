-- The same password, hashed as it is today. In one batch with the session of the login that proved it.
UPDATE user
SET password_hash = ?3, must_change_password = 0
WHERE id = ?1
  AND password_hash = ?2
  AND EXISTS (SELECT 1 FROM session AS s WHERE s.account_id = ?4 AND s.id = ?5)
