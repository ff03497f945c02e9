SELECT root_key_id, sealed_secret, confirmed_at IS NOT NULL AS is_confirmed, last_step
FROM totp
WHERE user_id = ?1
