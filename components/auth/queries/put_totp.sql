-- Replaces an enrolment that was never confirmed, and nothing else.
INSERT INTO totp (user_id, root_key_id, sealed_secret, created_at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (user_id) DO UPDATE
SET root_key_id = excluded.root_key_id, sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
WHERE confirmed_at IS NULL
RETURNING user_id
