-- Only when no key signs: of many instances that find none at once, the first makes one and the others make nothing.
INSERT INTO signing_key (kid, generation, root_key_id, public_key, created_at)
SELECT ?1, ?2, ?3, ?4, ?5
WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE retired_at IS NULL OR retired_at > ?5)
ON CONFLICT DO NOTHING
