-- Nothing unless ?3 works on the run.
INSERT INTO run_event (account_id, run_id, first_event, last_event, created_at, text, wire)
SELECT ?1, ?2, ?4, ?5, ?6, ?7, ?8
FROM run AS r
WHERE r.account_id = ?1
  AND r.id = ?2
  AND r.status = 'running'
  AND r.producer = ?3
RETURNING (SELECT s.cancel_requested FROM run AS s WHERE s.account_id = ?1 AND s.id = ?2) AS cancel_requested
