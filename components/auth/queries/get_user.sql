SELECT id, email, email_verified, username, name, auth_provider, is_active, is_admin, created_at, last_login_at
FROM user
WHERE id = ?1
