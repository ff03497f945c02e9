-- A refresh token with its successor, its session and whom that belongs to.
SELECT t.expires_at, t.spent_at, t.successor_hash, n.spent_at AS successor_spent_at, s.id AS session_id,
  s.revoked_at IS NULL AND s.expires_at > ?2 AND u.is_active = 1 AS is_live,
  u.id, u.email, u.email_verified, u.username, u.name, u.auth_provider, u.created_at, u.last_login_at,
  a.id AS account_id, a.name AS account_name, a.kind AS account_kind, a.created_at AS account_created_at, m.role
FROM refresh_token AS t
JOIN session AS s ON s.account_id = t.account_id AND s.id = t.session_id
JOIN membership AS m ON m.account_id = s.account_id AND m.user_id = s.user_id
JOIN account AS a ON a.id = s.account_id
JOIN user AS u ON u.id = s.user_id
LEFT JOIN refresh_token AS n ON n.token_hash = t.successor_hash
WHERE t.token_hash = ?1
