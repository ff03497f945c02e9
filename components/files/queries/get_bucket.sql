SELECT name, file_bytes_max, mime_types
FROM bucket
WHERE name = ?1
