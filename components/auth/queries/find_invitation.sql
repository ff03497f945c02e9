-- An open invitation by its token, and the person who holds it. Whoever sent it must still be able to grant its role, at this moment.
SELECT i.account_id, i.id, i.email, i.role, i.invited_by, i.created_at, i.expires_at,
  a.name AS account_name, a.kind AS account_kind, a.created_at AS account_created_at,
  u.email = i.email AS is_own_address, u.email_verified
FROM invitation AS i
JOIN account AS a ON a.id = i.account_id
JOIN membership AS m ON m.account_id = i.account_id AND m.user_id = i.invited_by
JOIN user AS s ON s.id = i.invited_by
JOIN user AS u ON u.id = ?2
WHERE i.token_hash = ?1
  AND i.expires_at > ?3
  AND s.is_active = 1
  AND (m.role = 'owner' OR (m.role = 'admin' AND i.role <> 'owner'))
