-- A part that is sent again takes the place of the one before.
DELETE FROM file_part
WHERE account_id = ?1
  AND file_id = ?2
  AND number = ?3
  AND EXISTS (SELECT 1 FROM file_part AS n WHERE n.account_id = ?1 AND n.file_id = ?2 AND n.id = ?4 AND n.state = 'writing')
  AND EXISTS (SELECT 1 FROM file AS f WHERE f.account_id = ?1 AND f.id = ?2 AND f.state = 'pending')
