-- No row when the account has as many open invitations as any may.
INSERT INTO invitation (account_id, id, email, role, invited_by, token_hash, created_at, expires_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
WHERE (SELECT count(*) FROM invitation AS i WHERE i.account_id = ?1) < ?9
RETURNING id
