-- The role of a person in another account than the one of the session.
SELECT role
FROM membership
WHERE account_id = ?1
  AND user_id = ?2
