SELECT prefix, chunks
FROM chunk_removal
WHERE due_at <= ?1
ORDER BY due_at
LIMIT ?2
