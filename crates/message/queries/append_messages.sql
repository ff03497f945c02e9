-- As append_message, for a row of messages that answer one another: ?3 is a JSON array of {"id","role","tail","title"}. The first answers
-- ?4, or what its sibling ?5 answers, or the newest message. The account has all of them or none.
INSERT INTO message (account_id, conversation_id, seq, id, parent_id, role, status, created_at, wire, title)
SELECT ?1, ?2, item.seq, item.id, item.parent_id, item.role, ?6, ?7,
  '{"id":"' || item.id || '","seq":' || item.seq || ',"parent_id":' || coalesce('"' || item.parent_id || '"', 'null') || item.tail,
  CASE WHEN item.is_untitled THEN item.title END
FROM (
  SELECT place.message_count + 1 + entry.key AS seq, place.is_untitled, entry.value ->> '$.id' AS id, entry.value ->> '$.role' AS role,
    entry.value ->> '$.tail' AS tail, entry.value ->> '$.title' AS title,
    lag(entry.value ->> '$.id', 1, place.parent_id) OVER (ORDER BY entry.key) AS parent_id
  FROM (
    SELECT c.message_count, c.title IS NULL AS is_untitled,
      CASE WHEN ?4 IS NOT NULL THEN parent.id WHEN ?5 IS NOT NULL THEN sibling.parent_id ELSE newest.id END AS parent_id
    FROM conversation_life AS c
    LEFT JOIN message AS newest ON newest.account_id = ?1 AND newest.conversation_id = ?2 AND newest.seq = c.message_count
    LEFT JOIN message AS parent ON parent.account_id = ?1 AND parent.id = ?4 AND parent.conversation_id = ?2
    LEFT JOIN message AS sibling ON sibling.account_id = ?1 AND sibling.id = ?5 AND sibling.conversation_id = ?2
    WHERE c.account_id = ?1
      AND c.id = ?2
      AND ?7 < c.ends_at
      AND (?4 IS NULL OR parent.id IS NOT NULL)
      AND (?5 IS NULL OR sibling.id IS NOT NULL)
  ) AS place, json_each(?3) AS entry
) AS item
ORDER BY item.seq
RETURNING seq, wire
