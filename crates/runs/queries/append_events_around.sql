-- Events with the message ?9 between ?8 and ?10, as it is stored; with null in its place when there is none, if something is to stand there.
INSERT INTO run_event (account_id, run_id, first_event, last_event, created_at, text, wire)
SELECT ?1, ?2, ?4, ?5, ?6, ?7,
  ?8
    || coalesce((SELECT m.wire FROM message AS m WHERE m.account_id = ?1 AND m.id = ?9), iif(substr(?8, -1) = ':', 'null', ''))
    || ?10
FROM run AS r
WHERE r.account_id = ?1
  AND r.id = ?2
  AND r.status = 'running'
  AND r.producer = ?3
RETURNING wire AS events
