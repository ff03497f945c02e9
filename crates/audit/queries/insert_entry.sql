-- Nothing is written for an account that has been deleted meanwhile: its log has gone with it.
INSERT INTO audit_entry (account_id, seq, at, actor, action, target, ip, outcome, detail, hash)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
WHERE ?1 = 'platform' OR EXISTS (SELECT 1 FROM account AS a WHERE a.id = ?1)
