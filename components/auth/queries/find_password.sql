SELECT u.id, u.email, u.email_verified, u.username, u.name, u.auth_provider, u.created_at, u.last_login_at, u.password_hash
FROM user AS u
WHERE u.id = ?1
