-- Somebody still writes, up to ?4 bytes. No row: the part is gone, or the file has not so much room.
UPDATE file_part
SET size_bytes = ?4,
  touched_at = ?5
WHERE account_id = ?1
  AND file_id = ?2
  AND id = ?3
  AND state = 'writing'
  AND ?4 <= (SELECT f.size_bytes FROM file AS f WHERE f.account_id = ?1 AND f.id = ?2)
RETURNING id
