-- Reserves room for a file that is on its way. No row: no such bucket, or it takes no file of this size, or the account has no room for it in
-- its ?11 bytes and ?12 files.
INSERT INTO file (account_id, id, bucket, name, mime_type, size_bytes, metadata, purpose, state, pending_until, created_at, updated_at)
SELECT ?1, ?2, b.name, ?4, ?5, ?6, ?7, ?8, 'pending', ?9, ?10, ?10
FROM bucket AS b
WHERE b.name = ?3
  AND ?6 <= b.file_bytes_max
  AND coalesce((SELECT u.size_bytes FROM file_usage AS u WHERE u.account_id = ?1), 0) + ?6 <= ?11
  AND coalesce((SELECT u.files FROM file_usage AS u WHERE u.account_id = ?1), 0) < ?12
RETURNING id
