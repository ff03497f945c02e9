-- A complete file with its parts in order: what its bytes are, and where. One row without a part for a file of none.
SELECT f.id, f.bucket, f.name, f.mime_type, f.size_bytes, lower(hex(f.sha256)) AS sha256, f.metadata, f.purpose, f.created_at, f.updated_at,
  p.id AS part_id, p.size_bytes AS part_size_bytes, p.sha256 AS part_sha256, p.chunk_digests
FROM file AS f
LEFT JOIN file_part AS p ON p.account_id = f.account_id AND p.file_id = f.id AND p.number IS NOT NULL AND p.state = 'whole'
WHERE f.account_id = ?1
  AND f.id = ?2
  AND f.state = 'complete'
ORDER BY p.number
