-- Messages of a conversation from ?3 on, or from the first: at most ?4, and no more bytes than ?5 but for the last one. None when ?3 is not in it.
SELECT part.wire
FROM (
  SELECT counted.seq, counted.wire, sum(counted.wire_bytes) OVER (ORDER BY counted.seq) - counted.wire_bytes AS bytes_before
  FROM (
    SELECT m.seq, m.wire, m.wire_bytes
    FROM message AS m
    WHERE m.account_id = ?1
      AND m.conversation_id = ?2
      AND m.seq >= iif(?3 IS NULL, 1, (SELECT a.seq FROM message AS a WHERE a.account_id = ?1 AND a.id = ?3 AND a.conversation_id = ?2))
    ORDER BY m.seq
    LIMIT ?4
  ) AS counted
) AS part
WHERE part.bytes_before < ?5
ORDER BY part.seq
