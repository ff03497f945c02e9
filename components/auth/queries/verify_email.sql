UPDATE user
SET email_verified = 1, updated_at = ?2
WHERE is_active = 1
  AND (id, email) = (
    SELECT t.user_id, t.email
    FROM one_time_token AS t
    WHERE t.token_hash = ?1
      AND t.purpose = 'verify'
      AND t.expires_at > ?2
  )
RETURNING id
