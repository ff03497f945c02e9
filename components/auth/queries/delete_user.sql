-- Not when a team with other members would be left without an owner. Everything else of the person goes with the row.
DELETE FROM user
WHERE id = ?1
  AND password_hash IS ?2
  AND NOT EXISTS (
    SELECT 1
    FROM membership AS m
    WHERE m.user_id = ?1
      AND m.role = 'owner'
      AND EXISTS (SELECT 1 FROM membership AS o WHERE o.account_id = m.account_id AND o.user_id <> ?1)
      AND NOT EXISTS (SELECT 1 FROM membership AS o WHERE o.account_id = m.account_id AND o.user_id <> ?1 AND o.role = 'owner')
  )
RETURNING id
