-- As touch_part.sql for a part of an upload, of which all parts together may have ?6 bytes.
UPDATE file_part
SET size_bytes = ?4,
  touched_at = ?5
WHERE account_id = ?1
  AND file_id = ?2
  AND id = ?3
  AND state = 'writing'
  AND EXISTS (SELECT 1 FROM file AS f WHERE f.account_id = ?1 AND f.id = ?2 AND f.state = 'pending' AND ?5 < f.pending_until)
  AND ?4 + (SELECT coalesce(sum(o.size_bytes), 0) FROM file_part AS o WHERE o.account_id = ?1 AND o.file_id = ?2 AND o.id <> ?3) <= ?6
RETURNING id
