-- Its parts go with it, and leave word of their chunks.
DELETE FROM file
WHERE account_id = ?1
  AND id = ?2
  AND state = 'pending'
RETURNING id
