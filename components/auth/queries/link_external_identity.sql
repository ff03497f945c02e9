-- Only for somebody who is active and whose password is still the one that was compared, and not without end.
INSERT INTO external_identity (issuer, subject, id, user_id, provider, created_at)
SELECT ?1, ?2, ?3, u.id, ?5, ?6
FROM user AS u
WHERE u.id = ?4
  AND u.is_active = 1
  AND u.password_hash IS ?7
  AND (SELECT count(*) FROM external_identity AS x WHERE x.user_id = ?4) < ?8
RETURNING id
