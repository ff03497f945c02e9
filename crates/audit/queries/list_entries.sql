-- A page of a log, the newest first.
SELECT seq, at, actor, action, target, ip, outcome, detail, hash
FROM audit_entry
WHERE account_id = ?1
  AND seq < ?2
ORDER BY seq DESC
LIMIT ?3
