-- Nothing is written for an account that has been deleted meanwhile.
INSERT INTO audit_checkpoint (account_id, number, seq, hash, at, root_key_id, signature)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
WHERE ?1 = 'platform' OR EXISTS (SELECT 1 FROM account AS a WHERE a.id = ?1)
