-- Where the path to the message ?3 ends, or to the newest one, how many messages it has, and the title of the conversation. tip_seq is NULL when there is no such message.
WITH RECURSIVE
  tip (seq) AS (
    SELECT CASE
      WHEN ?3 IS NULL THEN nullif(c.message_count, 0)
      ELSE (SELECT leaf.seq FROM message AS leaf WHERE leaf.account_id = ?1 AND leaf.id = ?3 AND leaf.conversation_id = ?2)
    END
    FROM conversation_life AS c
    WHERE c.account_id = ?1 AND c.id = ?2 AND ?4 < c.ends_at
  ),
  stretch (first_seq, last_seq) AS (
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= tip.seq), 1),
      tip.seq
    FROM tip
    WHERE tip.seq IS NOT NULL
    UNION ALL
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= jump.parent_seq), 1),
      jump.parent_seq
    FROM stretch
    JOIN message_run AS jump ON jump.account_id = ?1 AND jump.conversation_id = ?2 AND jump.first_seq = stretch.first_seq
    WHERE jump.parent_seq > 0
  )
SELECT tip.seq AS tip_seq, (SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM stretch) AS messages,
  (SELECT c.title FROM conversation AS c WHERE c.account_id = ?1 AND c.id = ?2) AS title
FROM tip
