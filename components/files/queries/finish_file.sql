-- From here on it can be seen, and takes exactly its size. Its parts are those that have a number: these of ?9, a JSON array, and no others, and
-- together they have this size.
UPDATE file
SET state = 'complete',
  size_bytes = ?3,
  sha256 = ?4,
  metadata = coalesce(?5, metadata),
  purpose = coalesce(?6, purpose),
  mime_type = ?7,
  updated_at = ?8
WHERE account_id = ?1
  AND id = ?2
  AND state = 'pending'
  AND ?8 < pending_until
  AND ?3 = (
    SELECT coalesce(sum(p.size_bytes), 0)
    FROM file_part AS p
    WHERE p.account_id = ?1
      AND p.file_id = ?2
      AND p.state = 'whole'
      AND p.number IS NOT NULL
      AND p.id IN (SELECT entry.value FROM json_each(?9) AS entry)
  )
  AND NOT EXISTS (
    SELECT 1
    FROM file_part AS o
    WHERE o.account_id = ?1
      AND o.file_id = ?2
      AND o.number IS NOT NULL
      AND o.id NOT IN (SELECT entry.value FROM json_each(?9) AS entry)
  )
RETURNING id, bucket, name, mime_type, size_bytes, lower(hex(sha256)) AS sha256, metadata, purpose, created_at, updated_at
