SELECT public_key
FROM signing_key
WHERE retired_at IS NULL OR retired_at > ?1
ORDER BY generation DESC
