-- Of several who decide at once one goes on.
UPDATE run
SET status = 'running', producer = ?3, lease_until = ?4, cancel_requested = 0, updated_at = max(updated_at, ?5)
WHERE account_id = ?1
  AND id = ?2
  AND status = 'queued'
  AND lease_until > ?5
RETURNING id
