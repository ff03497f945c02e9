SELECT id, fingerprint
FROM root_key
ORDER BY created_at, id
