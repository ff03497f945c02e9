-- Only when the session of this login exists: in one batch with it, a login that failed leaves no trace.
UPDATE user
SET last_login_at = ?2
WHERE id = ?1
  AND EXISTS (SELECT 1 FROM session AS s WHERE s.account_id = ?3 AND s.id = ?4)
