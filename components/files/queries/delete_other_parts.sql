-- What is not in a complete file: parts that were still being written, or that nobody named.
DELETE FROM file_part
WHERE account_id = ?1
  AND file_id = ?2
  AND (number IS NULL OR state = 'writing')
  AND EXISTS (SELECT 1 FROM file AS f WHERE f.account_id = ?1 AND f.id = ?2 AND f.state = 'complete')
