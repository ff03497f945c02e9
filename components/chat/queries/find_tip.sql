-- The message ?3 of the conversation, or the newest one, and how many bytes the newest messages have. id is NULL when there is none; no row when there is no such conversation.
SELECT m.id, m.role,
  (
    SELECT coalesce(sum(b.wire_bytes), 0)
    FROM message AS b
    WHERE b.account_id = ?1 AND b.conversation_id = ?2 AND b.seq > c.message_count - 400
  ) AS bytes
FROM conversation_life AS c
LEFT JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2
  AND m.seq = coalesce(
    (SELECT t.seq FROM message AS t WHERE t.account_id = ?1 AND t.id = ?3 AND t.conversation_id = ?2),
    iif(?3 IS NULL, c.message_count, NULL)
  )
WHERE c.account_id = ?1
  AND c.id = ?2
  AND ?4 < c.ends_at
