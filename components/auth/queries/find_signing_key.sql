-- The key that signs: the newest whose time has come. When that one was retired early, the next is used before its time.
SELECT kid, generation, root_key_id, max(created_at, signs_from) AS signs_since,
  EXISTS (SELECT 1 FROM signing_key AS newer WHERE newer.generation > signing_key.generation) AS has_successor
FROM signing_key
WHERE retired_at IS NULL OR retired_at > ?1
ORDER BY signs_from <= ?1 DESC, generation DESC
LIMIT 1
