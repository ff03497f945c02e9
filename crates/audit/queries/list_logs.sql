SELECT DISTINCT account_id
FROM audit_entry
WHERE account_id > ?1
ORDER BY account_id
LIMIT ?2
