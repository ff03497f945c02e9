INSERT INTO membership (account_id, user_id, role, created_at)
VALUES (?1, ?2, 'owner', ?3)
