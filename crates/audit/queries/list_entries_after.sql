-- A log in the order in which it was written, for its verification.
SELECT seq, at, actor, action, target, ip, outcome, detail, hash
FROM audit_entry
WHERE account_id = ?1
  AND seq > ?2
ORDER BY seq
LIMIT ?3
