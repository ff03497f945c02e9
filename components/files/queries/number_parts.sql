-- Puts parts in the order in which a client names them: ?3 is a JSON array of their ids.
UPDATE file_part
SET number = (SELECT entry.key + 1 FROM json_each(?3) AS entry WHERE entry.value = file_part.id)
WHERE account_id = ?1
  AND file_id = ?2
  AND state = 'whole'
  AND EXISTS (SELECT 1 FROM file AS f WHERE f.account_id = ?1 AND f.id = ?2 AND f.state = 'pending')
