DELETE FROM chunk_removal
WHERE prefix = ?1
