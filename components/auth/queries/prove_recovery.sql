UPDATE totp
SET proven_session_id = ?3
WHERE user_id = ?1
  AND confirmed_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM recovery_code AS r WHERE r.user_id = ?1 AND r.code_hash = ?2 AND r.used_session_id = ?3)
