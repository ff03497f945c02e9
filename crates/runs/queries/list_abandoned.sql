SELECT id
FROM run
WHERE account_id = ?1
  AND status IN ('queued', 'running')
  AND lease_until <= ?2
ORDER BY lease_until
LIMIT ?3
