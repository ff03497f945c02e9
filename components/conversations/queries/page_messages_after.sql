-- The messages of a path just after seq ?3, ascending. The path ends in the message ?6, or in the one with seq ?7, or in the newest; with
-- ?8 every message counts, whatever its branch.
-- One row whatever the length: finished JSON, joined. ?5 bounds its bytes: messages that lie behind so many are left to
-- the next page, but one is always there.
WITH RECURSIVE
  tip (seq) AS (
    SELECT CASE
      WHEN ?6 IS NOT NULL THEN (SELECT leaf.seq FROM message AS leaf WHERE leaf.account_id = ?1 AND leaf.id = ?6 AND leaf.conversation_id = ?2)
      ELSE min(coalesce(?7, c.message_count), c.message_count)
    END
    FROM conversation_life AS c
    WHERE c.account_id = ?1 AND c.id = ?2 AND ?9 < c.ends_at
  ),
  -- The path as stretches of consecutive seqs, from its tip back to the place after which the page begins.
  stretch (first_seq, last_seq) AS (
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= tip.seq AND NOT ?8), 1),
      tip.seq
    FROM tip
    WHERE tip.seq > ?3
    UNION ALL
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= jump.parent_seq), 1),
      jump.parent_seq
    FROM stretch
    JOIN message_run AS jump ON jump.account_id = ?1 AND jump.conversation_id = ?2 AND jump.first_seq = stretch.first_seq
    WHERE jump.parent_seq > ?3
  ),
  counted (low, high, taken) AS (
    SELECT max(first_seq, ?3 + 1), last_seq,
      sum(last_seq - max(first_seq, ?3 + 1) + 1) OVER (ORDER BY first_seq) - (last_seq - max(first_seq, ?3 + 1) + 1)
    FROM stretch
  ),
  span (low, high) AS (
    SELECT low, min(high, low + ?4 - taken - 1)
    FROM counted
    WHERE taken < ?4
  ),
  -- How far the bytes reach. Nearly always all fit, and a plain sum says so at a tenth of what the running one takes.
  kept (high_seq) AS (
    SELECT CASE
      WHEN (
        SELECT sum(m.wire_bytes)
        FROM span
        CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN span.low AND span.high
      ) > ?5
      THEN (
        SELECT max(seq)
        FROM (
          SELECT m.seq, sum(m.wire_bytes) OVER (ORDER BY m.seq ASC) - m.wire_bytes AS bytes_before
          FROM span
          CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN span.low AND span.high
        )
        WHERE bytes_before < ?5
      )
      ELSE tip.seq
    END
    FROM tip
  )
SELECT tip.seq AS tip_seq, page.data, page.first_seq, page.last_seq, page.last_seq < tip.seq AS has_more
FROM tip,
  (
    SELECT '[' || coalesce(group_concat(wire, ','), '') || ']' AS data, min(seq) AS first_seq, max(seq) AS last_seq
    FROM (
      SELECT m.seq, m.wire
      FROM kept
      CROSS JOIN span
      CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN span.low AND min(span.high, kept.high_seq)
      -- Here and not in group_concat(), which would copy each message into a tree on the way.
      ORDER BY m.seq
    )
  ) AS page
