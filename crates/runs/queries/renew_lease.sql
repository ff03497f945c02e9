UPDATE run
SET lease_until = max(lease_until, ?4)
WHERE account_id = ?1
  AND id = ?2
  AND status = 'running'
  AND producer = ?3
RETURNING cancel_requested
