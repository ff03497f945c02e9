-- What was kept after the event ?3, a batch in a row; a row without a batch when there is nothing. No row when the run is gone.
SELECT r.status, r.lease_until, e.first_event, e.last_event, e.wire
FROM run AS r
LEFT JOIN run_event AS e ON e.account_id = ?1 AND e.run_id = ?2 AND e.last_event > ?3
WHERE r.account_id = ?1
  AND r.id = ?2
ORDER BY e.last_event
LIMIT ?4
