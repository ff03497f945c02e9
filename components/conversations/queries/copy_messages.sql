-- Copies the path that ends in seq ?3 of the conversation ?2 of the account ?1 into the empty conversation ?5 of the account ?4, which may be
-- another. The copies answer one another as the originals do, and count from 1. Their ids are ?6 with their number in its last 25 bits.
-- With ?7 they lose what was meant for their own account: instructions of the system and metadata. None is copied when the source has ended
-- before ?8.
INSERT INTO message (account_id, conversation_id, seq, id, parent_id, role, status, created_at, wire)
WITH RECURSIVE
  stretch (first_seq, last_seq) AS (
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= ?3), 1),
      ?3
    WHERE EXISTS (SELECT 1 FROM conversation_life AS c WHERE c.account_id = ?1 AND c.id = ?2 AND ?8 < c.ends_at)
    UNION ALL
    SELECT
      coalesce((SELECT max(run.first_seq) FROM message_run AS run WHERE run.account_id = ?1 AND run.conversation_id = ?2 AND run.first_seq <= jump.parent_seq), 1),
      jump.parent_seq
    FROM stretch
    JOIN message_run AS jump ON jump.account_id = ?1 AND jump.conversation_id = ?2 AND jump.first_seq = stretch.first_seq
    WHERE jump.parent_seq > 0
  ),
  original (number, role, status, created_at, tail) AS (
    SELECT row_number() OVER (ORDER BY m.seq), m.role, m.status, m.created_at, substr(m.wire, instr(m.wire, ',"role":'))
    FROM stretch
    CROSS JOIN message AS m ON m.account_id = ?1 AND m.conversation_id = ?2 AND m.seq BETWEEN stretch.first_seq AND stretch.last_seq
    WHERE NOT (?7 AND m.role = 'system')
  ),
  copy (number, id, role, status, created_at, tail) AS (
    SELECT number,
      substr(?6, 1, 25)
        || substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + ((number >> 20) & 31), 1)
        || substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + ((number >> 15) & 31), 1)
        || substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + ((number >> 10) & 31), 1)
        || substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + ((number >> 5) & 31), 1)
        || substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + (number & 31), 1),
      role, status, created_at,
      CASE WHEN ?7 THEN ',' || substr(json_set('{' || substr(tail, 2), '$.metadata', json('{}')), 2) ELSE tail END
    FROM original
  ),
  chained (number, id, parent_id, role, status, created_at, tail) AS (
    SELECT number, id, lag(id) OVER (ORDER BY number), role, status, created_at, tail
    FROM copy
  )
SELECT ?4, ?5, chained.number, chained.id, chained.parent_id, chained.role, chained.status, chained.created_at,
  '{"id":"' || chained.id || '","seq":' || chained.number || ',"parent_id":' || coalesce('"' || chained.parent_id || '"', 'null') || chained.tail
FROM chained
ORDER BY chained.number
