-- The one part of a file that was just reserved.
INSERT INTO file_part (account_id, file_id, id, size_bytes, state, created_at, touched_at)
SELECT f.account_id, f.id, ?3, f.size_bytes, 'writing', ?4, ?4
FROM file AS f
WHERE f.account_id = ?1
  AND f.id = ?2
  AND f.state = 'pending'
RETURNING id
