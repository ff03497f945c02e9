-- A few files of an account that will never be complete. Their parts leave word of their chunks.
DELETE FROM file
WHERE account_id = ?1
  AND id IN (
    SELECT f.id
    FROM file AS f
    WHERE f.account_id = ?1
      AND f.state = 'pending'
      AND f.pending_until <= ?2
    LIMIT ?3
  )
RETURNING id
