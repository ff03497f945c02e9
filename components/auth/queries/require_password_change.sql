-- In one batch with the session of the login that proved the password.
UPDATE user
SET must_change_password = 1
WHERE id = ?1
  AND password_hash = ?2
  AND EXISTS (SELECT 1 FROM session AS s WHERE s.account_id = ?3 AND s.id = ?4)
