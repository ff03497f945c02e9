-- With a new password every token that was sent before is void.
DELETE FROM one_time_token
WHERE user_id = ?1
  AND EXISTS (SELECT 1 FROM user AS u WHERE u.id = ?1 AND u.password_hash = ?2)
