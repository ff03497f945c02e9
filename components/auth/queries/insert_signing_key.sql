INSERT INTO signing_key (kid, generation, root_key_id, public_key, created_at)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO NOTHING
