SELECT number, seq, hash, at, root_key_id, signature
FROM audit_checkpoint
WHERE account_id = ?1
ORDER BY number DESC
LIMIT 1
