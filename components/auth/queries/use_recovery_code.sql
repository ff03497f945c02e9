UPDATE recovery_code
SET used_at = ?3, used_session_id = ?4
WHERE user_id = ?1
  AND code_hash = ?2
  AND used_at IS NULL
