-- A session for another account of the same person. It ends when the one ends that it was made from, and the password was shown when it was shown there.
INSERT INTO session (account_id, id, user_id, created_at, last_used_at, expires_at, user_agent, ip, authenticated_at)
SELECT m.account_id, ?2, m.user_id, ?4, ?4, o.expires_at, coalesce(?7, o.user_agent), coalesce(?8, o.ip), coalesce(o.authenticated_at, o.created_at)
FROM membership AS m
JOIN user AS u ON u.id = m.user_id
JOIN session AS o ON o.account_id = ?5 AND o.id = ?6 AND o.user_id = m.user_id
WHERE m.account_id = ?1
  AND m.user_id = ?3
  AND u.is_active = 1
  AND o.revoked_at IS NULL
  AND o.expires_at > ?4
RETURNING id
