SELECT a.id, a.name, a.kind, a.created_at, m.role
FROM account AS a
JOIN membership AS m ON m.account_id = a.id
WHERE a.id = ?1
  AND m.user_id = ?2
