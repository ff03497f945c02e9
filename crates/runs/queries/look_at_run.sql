SELECT cancel_requested
FROM run
WHERE account_id = ?1
  AND id = ?2
  AND status = 'running'
  AND producer = ?3
