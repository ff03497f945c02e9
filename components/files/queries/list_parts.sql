-- The parts of an upload that are whole, in order.
SELECT id, number, size_bytes, sha256, chunk_digests
FROM file_part
WHERE account_id = ?1
  AND file_id = ?2
  AND state = 'whole'
ORDER BY number, id
