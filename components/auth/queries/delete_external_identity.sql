-- Not the last way in: there must be a password or another identity.
DELETE FROM external_identity
WHERE user_id = ?1
  AND id = ?2
  AND (
    EXISTS (SELECT 1 FROM user AS u WHERE u.id = ?1 AND u.password_hash IS NOT NULL)
    OR EXISTS (SELECT 1 FROM external_identity AS x WHERE x.user_id = ?1 AND x.id <> ?2)
  )
RETURNING id
