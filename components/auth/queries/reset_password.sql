-- The token is checked again in the transaction that takes effect, and so is the second factor if the password needs it. That it arrived proves the address too.
UPDATE user
SET password_hash = ?3, password_needs_factor = ?5, must_change_password = 0, email_verified = 1, updated_at = ?4
WHERE id = ?1
  AND is_active = 1
  AND (?5 = 0 OR EXISTS (SELECT 1 FROM totp WHERE totp.user_id = ?1 AND totp.confirmed_at IS NOT NULL))
  AND EXISTS (
    SELECT 1
    FROM one_time_token AS t
    WHERE t.token_hash = ?2
      AND t.user_id = ?1
      AND t.purpose = 'reset'
      AND t.expires_at > ?4
      AND t.email = user.email
  )
RETURNING id
