-- Only while the invitation is there with this token and its sender may still grant its role. A member stays what it is.
INSERT INTO membership (account_id, user_id, role, created_at)
SELECT i.account_id, ?3, i.role, ?4
FROM invitation AS i
JOIN membership AS m ON m.account_id = i.account_id AND m.user_id = i.invited_by
WHERE i.account_id = ?1
  AND i.id = ?2
  AND i.token_hash = ?5
  AND i.expires_at > ?4
  AND (m.role = 'owner' OR (m.role = 'admin' AND i.role <> 'owner'))
ON CONFLICT DO NOTHING
