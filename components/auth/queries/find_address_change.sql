-- Whose token it is, with the address that it leaves and the account whose log tells of it.
SELECT u.id, u.email, a.id AS account_id
FROM one_time_token AS t
JOIN user AS u ON u.id = t.user_id
JOIN membership AS m ON m.user_id = u.id
JOIN account AS a ON a.id = m.account_id
WHERE t.token_hash = ?1
  AND t.purpose = 'change'
  AND t.expires_at > ?2
  AND u.is_active = 1
ORDER BY a.kind = 'personal' DESC, m.created_at, a.id
LIMIT 1
