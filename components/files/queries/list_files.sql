-- The newest first, from the place before ?2 on. A filter that is NULL lets everything pass.
SELECT id, bucket, name, mime_type, size_bytes, lower(hex(sha256)) AS sha256, metadata, purpose, created_at, updated_at
FROM file
WHERE account_id = ?1
  AND id < ?2
  AND (?3 IS NULL OR bucket = ?3)
  AND (?4 IS NULL OR purpose = ?4)
  AND state = 'complete'
ORDER BY id DESC
LIMIT ?5
