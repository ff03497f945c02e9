-- For a file that was just reserved.
INSERT INTO upload (account_id, id, file_id, size_bytes, sha256, part_bytes, expires_at, created_at)
SELECT f.account_id, ?2, f.id, f.size_bytes, ?4, ?5, ?6, ?7
FROM file AS f
WHERE f.account_id = ?1
  AND f.id = ?3
  AND f.state = 'pending'
