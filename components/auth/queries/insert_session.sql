-- The password's hash and the person's state are checked again here: between the check of the password and this statement lie many
-- milliseconds, in which the person may have been disabled or the password changed. No row means that one of them was.
INSERT INTO session (account_id, id, user_id, created_at, last_used_at, expires_at)
SELECT m.account_id, ?2, m.user_id, ?5, ?5, ?6
FROM membership AS m
JOIN user AS u ON u.id = m.user_id
WHERE m.account_id = ?1
  AND m.user_id = ?3
  AND u.is_active = 1
  AND u.password_hash = ?4
RETURNING id
