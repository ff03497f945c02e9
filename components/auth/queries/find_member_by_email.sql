SELECT m.user_id
FROM user AS u
JOIN membership AS m ON m.user_id = u.id
WHERE m.account_id = ?1
  AND u.email = ?2
