-- The token is checked again in the transaction that takes effect. That it arrived proves the address.
UPDATE user
SET email = (SELECT t.email FROM one_time_token AS t WHERE t.token_hash = ?2), email_verified = 1, updated_at = ?3
WHERE id = ?1
  AND is_active = 1
  AND EXISTS (
    SELECT 1
    FROM one_time_token AS t
    WHERE t.token_hash = ?2
      AND t.user_id = ?1
      AND t.purpose = 'change'
      AND t.expires_at > ?3
  )
RETURNING email
