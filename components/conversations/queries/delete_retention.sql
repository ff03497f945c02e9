DELETE FROM retention
WHERE account_id = ?1
