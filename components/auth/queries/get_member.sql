SELECT m.user_id, m.role, m.created_at, u.email, u.username, u.name
FROM membership AS m
JOIN user AS u ON u.id = m.user_id
WHERE m.account_id = ?1
  AND m.user_id = ?2
