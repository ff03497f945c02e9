UPDATE run
SET status = 'queued', producer = NULL, approvals = ?4, lease_until = ?5, updated_at = max(updated_at, ?6)
WHERE account_id = ?1
  AND id = ?2
  AND status = 'running'
  AND producer = ?3
RETURNING id
