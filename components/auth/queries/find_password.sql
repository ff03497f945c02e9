SELECT u.id, u.email, u.email_verified, u.username, u.name, u.auth_provider, u.created_at, u.last_login_at, u.password_hash,
  u.password_needs_factor, coalesce(t.confirmed_at IS NOT NULL, 0) AS has_totp
FROM user AS u
LEFT JOIN totp AS t ON t.user_id = u.id
WHERE u.id = ?1
