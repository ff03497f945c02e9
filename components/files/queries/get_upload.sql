-- An upload that has not expired, with the file that it is, or is to be.
SELECT u.id, u.size_bytes, u.sha256 AS wanted_sha256, u.part_bytes, u.expires_at, u.created_at,
  f.id AS file_id, f.bucket, f.name, f.mime_type, f.metadata, f.purpose, f.state = 'complete' AS is_complete
FROM upload AS u
JOIN file AS f ON f.account_id = u.account_id AND f.id = u.file_id
WHERE u.account_id = ?1
  AND u.id = ?2
  AND (f.state = 'complete' OR ?3 < u.expires_at)
