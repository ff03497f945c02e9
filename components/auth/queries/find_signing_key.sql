-- The key that signs: the newest that verifies.
SELECT kid, generation, root_key_id
FROM signing_key
WHERE retired_at IS NULL OR retired_at > ?1
ORDER BY generation DESC
LIMIT 1
