-- The newest messages of the path that ends in the message ?3, ascending: at most ?4, and no more bytes than ?5 but for the last one.
WITH RECURSIVE
  tip (seq) AS (
    SELECT leaf.seq
    FROM message AS leaf
    WHERE leaf.account_id = ?1 AND leaf.id = ?3 AND leaf.conversation_id = ?2
  ),
  -- The path as stretches of consecutive seqs, from its tip back until there is enough; `taken` counts those before.
  stretch (first_seq, last_seq, taken) AS (
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= tip.seq), 1),
      tip.seq, 0
    FROM tip
    UNION ALL
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= jump.parent_seq), 1),
      jump.parent_seq, stretch.taken + stretch.last_seq - stretch.first_seq + 1
    FROM stretch
    JOIN message_run AS jump ON jump.account_id = ?1 AND jump.conversation_id = ?2 AND jump.first_seq = stretch.first_seq
    WHERE jump.parent_seq > 0
      AND stretch.taken + stretch.last_seq - stretch.first_seq + 1 < ?4
  ),
  span (low, high) AS (
    SELECT max(first_seq, last_seq - (?4 - taken) + 1), last_seq
    FROM stretch
  )
SELECT '[' || coalesce(group_concat(part.wire, ','), '') || ']' AS messages
FROM (
  SELECT counted.wire
  FROM (
    SELECT m.seq, m.wire, sum(m.wire_bytes) OVER (ORDER BY m.seq DESC) - m.wire_bytes AS bytes_after
    FROM span
    CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN span.low AND span.high
  ) AS counted
  WHERE counted.bytes_after < ?5
  ORDER BY counted.seq
) AS part
