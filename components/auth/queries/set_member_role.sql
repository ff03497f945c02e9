-- Both roles are those on which the decision was made; no row when one of them has changed since.
UPDATE membership
SET role = ?6
WHERE account_id = ?1
  AND user_id = ?2
  AND role = ?3
  AND EXISTS (SELECT 1 FROM membership AS a WHERE a.account_id = ?1 AND a.user_id = ?4 AND a.role = ?5)
RETURNING user_id
