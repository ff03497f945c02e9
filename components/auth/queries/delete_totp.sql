DELETE FROM totp
WHERE user_id = ?1
RETURNING user_id
