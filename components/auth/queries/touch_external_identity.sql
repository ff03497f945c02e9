-- Only when the session of this sign-in exists.
UPDATE external_identity
SET last_used_at = ?3
WHERE issuer = ?1
  AND subject = ?2
  AND EXISTS (SELECT 1 FROM session AS s WHERE s.account_id = ?4 AND s.id = ?5)
