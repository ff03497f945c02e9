-- The messages just before seq ?3, ascending.
-- One row whatever the length: finished JSON, joined. ?5 bounds its bytes: messages that lie behind so many are left to
-- the next page, but one is always there.
SELECT c.message_count, page.data, page.first_seq, page.last_seq
FROM conversation AS c,
  (
    SELECT '[' || coalesce(group_concat(wire, ',' ORDER BY seq), '') || ']' AS data, min(seq) AS first_seq, max(seq) AS last_seq
    FROM (
      SELECT seq, wire, sum(wire_bytes) OVER (ORDER BY seq DESC) - wire_bytes AS bytes_before
      FROM (
        SELECT m.seq, m.wire, m.wire_bytes
        FROM message AS m
        WHERE m.account_id = ?1
          AND m.conversation_id = ?2
          AND m.seq < ?3
        ORDER BY m.seq DESC
        LIMIT ?4
      )
    )
    WHERE bytes_before < ?5
  ) AS page
WHERE c.account_id = ?1
  AND c.id = ?2
