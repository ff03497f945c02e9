-- Only when the statement before this one changed a row.
INSERT INTO audit_entry (account_id, seq, at, actor, action, target, ip, outcome, detail, hash)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
WHERE changes() > 0
  AND (?1 = 'platform' OR EXISTS (SELECT 1 FROM account AS a WHERE a.id = ?1))
