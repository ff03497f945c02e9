-- As finish_part.sql, while the upload is not over.
UPDATE file_part
SET number = ?4,
  size_bytes = ?5,
  sha256 = ?6,
  chunk_digests = ?7,
  state = 'whole'
WHERE account_id = ?1
  AND file_id = ?2
  AND id = ?3
  AND state = 'writing'
  AND EXISTS (SELECT 1 FROM file AS f WHERE f.account_id = ?1 AND f.id = ?2 AND f.state = 'pending' AND ?8 < f.pending_until)
RETURNING id
