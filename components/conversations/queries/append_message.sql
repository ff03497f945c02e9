-- One statement reads the counter, takes the next seq and writes the finished JSON; the trigger raises the counter before another writer
-- comes in. Without a given parent the message answers the newest one. No row: no such conversation, or no such parent in it.
INSERT INTO message (account_id, conversation_id, seq, id, parent_id, role, status, created_at, wire)
SELECT c.account_id, c.id, c.message_count + 1, ?3, coalesce(?4, newest.id), ?5, ?6, ?7,
  '{"id":"' || ?3 || '","seq":' || (c.message_count + 1)
    || ',"parent_id":' || coalesce('"' || coalesce(?4, newest.id) || '"', 'null') || ?8
FROM conversation AS c
LEFT JOIN message AS newest
  ON newest.account_id = c.account_id AND newest.conversation_id = c.id AND newest.seq = c.message_count
WHERE c.account_id = ?1
  AND c.id = ?2
  AND (
    ?4 IS NULL
    OR EXISTS (SELECT 1 FROM message AS parent WHERE parent.account_id = ?1 AND parent.id = ?4 AND parent.conversation_id = ?2)
  )
RETURNING wire
