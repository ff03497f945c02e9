-- Fails, and the batch with it, unless ?3 works on the run: it would insert a row without a text.
INSERT INTO run_event (account_id, run_id, first_event, last_event, created_at, text, wire)
SELECT ?1, ?2, 1, 1, 0, NULL, ''
WHERE NOT EXISTS (SELECT 1 FROM run AS r WHERE r.account_id = ?1 AND r.id = ?2 AND r.status = 'running' AND r.producer = ?3)
