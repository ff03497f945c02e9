SELECT id
FROM account
WHERE id > ?1
ORDER BY id
LIMIT ?2
