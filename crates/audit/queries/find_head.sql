-- The last entry of a log, which the next one follows.
SELECT seq, hash
FROM audit_entry
WHERE account_id = ?1
ORDER BY seq DESC
LIMIT 1
