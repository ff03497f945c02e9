-- No row: the upload is over, or ?6 parts of it are being written already, or all parts together would have more than ?7 bytes.
INSERT INTO file_part (account_id, file_id, id, size_bytes, state, created_at, touched_at)
SELECT f.account_id, f.id, ?3, ?4, 'writing', ?5, ?5
FROM file AS f
WHERE f.account_id = ?1
  AND f.id = ?2
  AND f.state = 'pending'
  AND ?5 < f.pending_until
  AND (SELECT count(*) FROM file_part AS w WHERE w.account_id = ?1 AND w.file_id = ?2 AND w.state = 'writing') < ?6
  AND (SELECT coalesce(sum(o.size_bytes), 0) FROM file_part AS o WHERE o.account_id = ?1 AND o.file_id = ?2) + ?4 <= ?7
RETURNING id
