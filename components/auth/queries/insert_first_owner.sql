-- Only when the account was made, so that both can be in one batch.
INSERT INTO membership (account_id, user_id, role, created_at)
SELECT ?1, ?2, 'owner', ?3
WHERE EXISTS (SELECT 1 FROM account AS a WHERE a.id = ?1)
