SELECT days, keep_pinned
FROM retention
WHERE account_id = ?1
