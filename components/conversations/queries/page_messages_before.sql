-- The messages of a path just before seq ?3, ascending. The path ends in the message ?6, or in the one with seq ?7, or in the newest; with
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
  -- The path as stretches of consecutive seqs, from its tip back until there is enough for a page; `taken` counts those before.
  stretch (first_seq, last_seq, taken) AS (
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= tip.seq AND NOT ?8), 1),
      tip.seq, 0
    FROM tip
    WHERE tip.seq > 0
    UNION ALL
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= jump.parent_seq), 1),
      jump.parent_seq, stretch.taken + max(0, min(stretch.last_seq, ?3 - 1) - stretch.first_seq + 1)
    FROM stretch
    JOIN message_run AS jump ON jump.account_id = ?1 AND jump.conversation_id = ?2 AND jump.first_seq = stretch.first_seq
    WHERE jump.parent_seq > 0
      AND stretch.taken + max(0, min(stretch.last_seq, ?3 - 1) - stretch.first_seq + 1) < ?4
  ),
  span (low, high) AS (
    SELECT max(first_seq, min(last_seq, ?3 - 1) - (?4 - taken) + 1), min(last_seq, ?3 - 1)
    FROM stretch
  ),
  -- How far the bytes reach. Nearly always all fit, and a plain sum says so at a tenth of what the running one takes.
  kept (low_seq) AS (
    SELECT CASE
      WHEN (
        SELECT sum(m.wire_bytes)
        FROM span
        CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN span.low AND span.high
      ) > ?5
      THEN (
        SELECT min(seq)
        FROM (
          SELECT m.seq, sum(m.wire_bytes) OVER (ORDER BY m.seq DESC) - m.wire_bytes AS bytes_before
          FROM span
          CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN span.low AND span.high
        )
        WHERE bytes_before < ?5
      )
      ELSE 0
    END
  )
SELECT tip.seq AS tip_seq, page.data, page.first_seq, page.last_seq,
  page.first_seq > 1
    AND coalesce((SELECT run.parent_seq FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq = page.first_seq AND NOT ?8), 1) > 0
    AS has_more
FROM tip,
  (
    SELECT '[' || coalesce(group_concat(wire, ','), '') || ']' AS data, min(seq) AS first_seq, max(seq) AS last_seq
    FROM (
      SELECT m.seq, m.wire
      FROM kept
      CROSS JOIN span
      CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN max(span.low, kept.low_seq) AND span.high
      -- Here and not in group_concat(), which would copy each message into a tree on the way.
      ORDER BY m.seq
    )
  ) AS page
