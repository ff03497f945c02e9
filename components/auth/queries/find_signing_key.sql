-- The key that signs: the newest whose time has come. When that one was retired early, the next is used before its time.
SELECT k.kid, k.generation, k.root_key_id, max(k.created_at, k.signs_from) AS signs_since,
  EXISTS (SELECT 1 FROM signing_key AS n WHERE n.generation > k.generation) AS has_successor
FROM signing_key AS k
WHERE k.retired_at IS NULL OR k.retired_at > ?1
ORDER BY k.signs_from <= ?1 DESC, k.generation DESC
LIMIT 1
