-- One statement reads the counter, takes the next seq and writes the finished JSON; the trigger raises the counter before another writer
-- comes in. The message answers ?4, or what its sibling ?5 answers, or the newest one. No row: no such conversation, or no such parent or
-- sibling in it.
INSERT INTO message (account_id, conversation_id, seq, id, parent_id, role, status, created_at, wire, title)
SELECT ?1, ?2, place.seq, ?3, place.parent_id, ?6, ?7, ?8,
  '{"id":"' || ?3 || '","seq":' || place.seq || ',"parent_id":' || coalesce('"' || place.parent_id || '"', 'null') || ?9,
  CASE WHEN place.is_untitled THEN ?10 END
FROM (
  SELECT c.message_count + 1 AS seq, c.title IS NULL AS is_untitled,
    CASE WHEN ?4 IS NOT NULL THEN parent.id WHEN ?5 IS NOT NULL THEN sibling.parent_id ELSE newest.id END AS parent_id
  FROM conversation_life AS c
  LEFT JOIN message AS newest ON newest.account_id = ?1 AND newest.conversation_id = ?2 AND newest.seq = c.message_count
  LEFT JOIN message AS parent ON parent.account_id = ?1 AND parent.id = ?4 AND parent.conversation_id = ?2
  LEFT JOIN message AS sibling ON sibling.account_id = ?1 AND sibling.id = ?5 AND sibling.conversation_id = ?2
  WHERE c.account_id = ?1
    AND c.id = ?2
    AND ?8 < c.ends_at
    AND (?4 IS NULL OR parent.id IS NOT NULL)
    AND (?5 IS NULL OR sibling.id IS NOT NULL)
) AS place
RETURNING wire
