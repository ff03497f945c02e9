-- Only when the key before is still the newest: of many instances that find it due at once, one publishes its successor.
INSERT INTO signing_key (kid, generation, root_key_id, public_key, created_at, signs_from)
SELECT ?1, ?2, ?3, ?4, ?5, ?6
WHERE NOT EXISTS (SELECT 1 FROM signing_key WHERE generation >= ?2)
ON CONFLICT DO NOTHING
