-- The parts of those images in ?2, a JSON array of ids, that are the account's, complete and no larger than ?3.
SELECT f.id, f.mime_type, p.id AS part_id, p.chunk_digests
FROM json_each(?2) AS entry
JOIN file AS f ON f.account_id = ?1 AND f.id = entry.value
JOIN file_part AS p ON p.account_id = ?1 AND p.file_id = f.id AND p.number IS NOT NULL AND p.state = 'whole'
WHERE f.state = 'complete'
  AND f.size_bytes BETWEEN 1 AND ?3
  AND f.mime_type IN ('image/png', 'image/jpeg', 'image/gif', 'image/webp')
ORDER BY f.id, p.number
