SELECT id, bucket, name, mime_type, size_bytes, lower(hex(sha256)) AS sha256, metadata, purpose, created_at, updated_at
FROM file
WHERE account_id = ?1
  AND id = ?2
  AND state = 'complete'
