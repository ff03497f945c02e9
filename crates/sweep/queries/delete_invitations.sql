-- Removes invitations that were over at ?2, at most ?3.
DELETE FROM invitation
WHERE account_id = ?1
  AND id IN (SELECT i.id FROM invitation AS i WHERE i.account_id = ?1 AND i.expires_at <= ?2 LIMIT ?3)
RETURNING id
