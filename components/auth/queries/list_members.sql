SELECT m.user_id, m.role, m.created_at, u.email, u.username, u.name
FROM membership AS m
JOIN user AS u ON u.id = m.user_id
WHERE m.account_id = ?1
  AND (?2 IS NULL OR m.user_id > ?2)
ORDER BY m.user_id
LIMIT ?3
