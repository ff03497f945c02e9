-- Whoever this is here, with the account that a sign-in opens: the personal one, else the one joined first.
SELECT u.id, u.email, u.email_verified, u.username, u.name, u.auth_provider, u.password_hash, u.is_active, u.created_at,
  u.last_login_at,
  a.id AS account_id, a.name AS account_name, a.kind AS account_kind, a.created_at AS account_created_at, m.role,
  coalesce(t.confirmed_at IS NOT NULL, 0) AS has_totp
FROM external_identity AS x
JOIN user AS u ON u.id = x.user_id
JOIN membership AS m ON m.user_id = u.id
JOIN account AS a ON a.id = m.account_id
LEFT JOIN totp AS t ON t.user_id = u.id
WHERE x.issuer = ?1
  AND x.subject = ?2
ORDER BY a.kind = 'personal' DESC, m.created_at, a.id
LIMIT 1
