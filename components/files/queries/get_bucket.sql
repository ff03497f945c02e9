SELECT name, file_bytes_max, mime_types, visibility
FROM bucket
WHERE name = ?1
