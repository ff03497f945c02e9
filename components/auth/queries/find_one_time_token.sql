-- Whose token it is, with the account whose log tells of its use.
SELECT u.id, u.email, u.username, u.name, a.id AS account_id, coalesce(f.confirmed_at IS NOT NULL, 0) AS has_totp
FROM one_time_token AS t
JOIN user AS u ON u.id = t.user_id
JOIN membership AS m ON m.user_id = u.id
JOIN account AS a ON a.id = m.account_id
LEFT JOIN totp AS f ON f.user_id = u.id
WHERE t.token_hash = ?1
  AND t.purpose = ?2
  AND t.expires_at > ?3
  AND t.email = u.email
  AND u.is_active = 1
ORDER BY a.kind = 'personal' DESC, m.created_at, a.id
LIMIT 1
