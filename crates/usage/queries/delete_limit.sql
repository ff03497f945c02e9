DELETE FROM usage_limit
WHERE account_id = ?1
