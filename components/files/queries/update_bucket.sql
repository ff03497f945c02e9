-- What is NULL stays. Files that are there already stay as they are.
UPDATE bucket
SET file_bytes_max = coalesce(?2, file_bytes_max),
  mime_types = coalesce(?3, mime_types),
  visibility = coalesce(?4, visibility)
WHERE name = ?1
