INSERT INTO account (id, name, kind, created_at, updated_at)
VALUES (?1, ?2, 'personal', ?3, ?3)
