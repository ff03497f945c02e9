SELECT id
FROM user
WHERE email = ?1
