-- No row: there are ?5 buckets already.
INSERT INTO bucket (name, file_bytes_max, mime_types, visibility)
SELECT ?1, ?2, ?3, ?4
WHERE (SELECT count(*) FROM bucket) < ?5
RETURNING name
