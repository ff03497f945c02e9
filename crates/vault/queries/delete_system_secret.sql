DELETE FROM secret
WHERE account_id IS NULL AND kind = ?1 AND id = ?2
