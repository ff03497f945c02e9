-- A conversation has a limited number of them.
SELECT f.id, f.bucket, f.name, f.mime_type, f.size_bytes, lower(hex(f.sha256)) AS sha256, f.metadata, f.created_at, x.attached_at
FROM conversation_file AS x
JOIN conversation_life AS c ON c.account_id = x.account_id AND c.id = x.conversation_id
JOIN file AS f ON f.account_id = x.account_id AND f.id = x.file_id
WHERE x.account_id = ?1
  AND x.conversation_id = ?2
  AND ?3 < c.ends_at
ORDER BY x.attached_at DESC, x.file_id DESC
