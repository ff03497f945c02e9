UPDATE run
SET trimmed = 1
WHERE account_id = ?1
  AND id IN (
    SELECT r.id FROM run AS r WHERE r.account_id = ?1 AND r.ended_at IS NOT NULL AND r.trimmed = 0 AND r.ended_at <= ?2 ORDER BY r.ended_at LIMIT ?3
  )
RETURNING id
