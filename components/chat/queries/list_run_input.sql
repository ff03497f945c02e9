-- The messages that were appended for a run: ?3 of them, from ?2 on.
SELECT m.wire
FROM message AS f
JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = f.conversation_id AND m.seq BETWEEN f.seq AND f.seq + ?3 - 1
WHERE f.account_id = ?1
  AND f.id = ?2
ORDER BY m.seq
