SELECT account_id, id, wrapped_dek
FROM secret
WHERE kek_id = ?1 AND id > ?2
ORDER BY id
LIMIT ?3
