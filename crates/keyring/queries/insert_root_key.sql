INSERT INTO root_key (id, fingerprint, created_at)
VALUES (?1, ?2, ?3)
ON CONFLICT (id) DO NOTHING
