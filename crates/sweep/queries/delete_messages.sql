-- Removes messages of the conversation ?2, or of the one that has been gone longest: at most ?3, and of long ones as many as ?4 bytes.
DELETE FROM message
WHERE account_id = ?1
  AND conversation_id = (
    SELECT c.id
    FROM conversation AS c
    WHERE c.account_id = ?1 AND c.deleted_at IS NOT NULL AND (?2 IS NULL OR c.id = ?2)
    ORDER BY c.deleted_at, c.id
    LIMIT 1
  )
  AND seq IN (
    SELECT piece.seq
    FROM (
      SELECT head.seq, sum(head.wire_bytes) OVER (ORDER BY head.seq) - head.wire_bytes AS bytes_before
      FROM (
        SELECT m.seq, m.wire_bytes
        FROM message AS m
        WHERE m.account_id = ?1
          AND m.conversation_id = (
            SELECT c.id
            FROM conversation AS c
            WHERE c.account_id = ?1 AND c.deleted_at IS NOT NULL AND (?2 IS NULL OR c.id = ?2)
            ORDER BY c.deleted_at, c.id
            LIMIT 1
          )
        ORDER BY m.seq
        LIMIT ?3
      ) AS head
    ) AS piece
    WHERE piece.bytes_before < ?4
  )
RETURNING seq
