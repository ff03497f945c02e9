-- Of runs that ended before ?2: all events but the last batch, which says how.
DELETE FROM run_event
WHERE account_id = ?1
  AND run_id IN (
    SELECT r.id FROM run AS r WHERE r.account_id = ?1 AND r.ended_at IS NOT NULL AND r.trimmed = 0 AND r.ended_at <= ?2 ORDER BY r.ended_at LIMIT ?3
  )
  AND last_event < (SELECT r.last_event FROM run AS r WHERE r.account_id = ?1 AND r.id = run_event.run_id)
