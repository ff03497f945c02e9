-- Removes sessions that were over at ?2, at most ?3, with their refresh tokens.
DELETE FROM session
WHERE account_id = ?1
  AND id IN (SELECT s.id FROM session AS s WHERE s.account_id = ?1 AND s.expires_at <= ?2 LIMIT ?3)
RETURNING id
