-- What is NULL stays.
UPDATE file
SET name = coalesce(?3, name),
  metadata = coalesce(?4, metadata),
  updated_at = max(updated_at, ?5)
WHERE account_id = ?1
  AND id = ?2
  AND state = 'complete'
RETURNING id, bucket, name, mime_type, size_bytes, lower(hex(sha256)) AS sha256, metadata, purpose, created_at, updated_at
