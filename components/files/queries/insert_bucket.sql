-- No row: there are ?4 buckets already.
INSERT INTO bucket (name, file_bytes_max, mime_types)
SELECT ?1, ?2, ?3
WHERE (SELECT count(*) FROM bucket) < ?4
RETURNING name
