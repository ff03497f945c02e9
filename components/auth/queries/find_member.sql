SELECT u.id, u.email, u.email_verified, u.username, u.name, u.auth_provider, u.created_at, u.last_login_at,
  a.id AS account_id, a.name AS account_name, a.kind AS account_kind, a.created_at AS account_created_at, m.role
FROM membership AS m
JOIN account AS a ON a.id = m.account_id
JOIN user AS u ON u.id = m.user_id
WHERE m.account_id = ?1
  AND m.user_id = ?2
