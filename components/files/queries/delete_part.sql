-- It leaves word of its chunks.
DELETE FROM file_part
WHERE account_id = ?1
  AND file_id = ?2
  AND id = ?3
  AND state = 'writing'
