SELECT id
FROM external_identity
WHERE user_id = ?1
  AND id = ?2
