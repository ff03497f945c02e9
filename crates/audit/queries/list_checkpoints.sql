SELECT number, seq, hash, at, root_key_id, signature
FROM audit_checkpoint
WHERE account_id = ?1
  AND number > ?2
ORDER BY number
LIMIT ?3
