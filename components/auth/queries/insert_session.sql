-- The password's hash, the person's state and the second factor are checked again here: between the check of the password and this statement lie many
-- milliseconds, in which the person may have been disabled, the password changed or a second factor set up. No row means that it was so.
INSERT INTO session (account_id, id, user_id, created_at, last_used_at, expires_at, user_agent, ip)
SELECT m.account_id, ?2, m.user_id, ?5, ?5, ?6, ?7, ?8
FROM membership AS m
JOIN user AS u ON u.id = m.user_id
WHERE m.account_id = ?1
  AND m.user_id = ?3
  AND u.is_active = 1
  AND u.password_hash = ?4
  AND NOT EXISTS (
    SELECT 1
    FROM totp AS t
    WHERE t.user_id = m.user_id
      AND t.confirmed_at IS NOT NULL
      AND t.proven_session_id IS NOT ?2
  )
RETURNING id
