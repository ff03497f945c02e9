-- Before number_parts.sql, which then meets no number that is taken.
UPDATE file_part
SET number = NULL
WHERE account_id = ?1
  AND file_id = ?2
  AND number IS NOT NULL
  AND EXISTS (SELECT 1 FROM file AS f WHERE f.account_id = ?1 AND f.id = ?2 AND f.state = 'pending')
