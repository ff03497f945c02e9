-- Removes conversations that are gone and have no message left, at most ?2.
DELETE FROM conversation
WHERE account_id = ?1
  AND id IN (
    SELECT c.id
    FROM conversation AS c
    WHERE c.account_id = ?1
      AND c.deleted_at IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM message AS m WHERE m.account_id = ?1 AND m.conversation_id = c.id)
    ORDER BY c.deleted_at, c.id
    LIMIT ?2
  )
RETURNING id
