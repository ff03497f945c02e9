-- Each step counts once, whoever is first.
UPDATE totp
SET last_step = ?2, proven_session_id = ?3
WHERE user_id = ?1
  AND confirmed_at IS NOT NULL
  AND last_step < ?2
