-- Not while the password stands only beside the factor.
DELETE FROM totp
WHERE user_id = ?1
  AND NOT EXISTS (SELECT 1 FROM user AS u WHERE u.id = ?1 AND u.password_needs_factor = 1)
RETURNING user_id
