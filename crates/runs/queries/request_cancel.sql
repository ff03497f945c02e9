-- Of a run that is at work. Whoever works on it sees it.
UPDATE run
SET cancel_requested = 1
WHERE account_id = ?1
  AND id = ?2
  AND status = 'running'
RETURNING id
