-- The accounts that have no other member: the personal one, and teams of one. Only if the person may go, which delete_user.sql decides
-- by the same rules: with the password that was compared, and not as the only owner of a team that has other members.
DELETE FROM account
WHERE id IN (
    SELECT m.account_id
    FROM membership AS m
    WHERE m.user_id = ?1
      AND NOT EXISTS (SELECT 1 FROM membership AS o WHERE o.account_id = m.account_id AND o.user_id <> ?1)
  )
  AND EXISTS (SELECT 1 FROM user AS u WHERE u.id = ?1 AND u.password_hash IS ?2)
  AND NOT EXISTS (
    SELECT 1
    FROM membership AS m
    WHERE m.user_id = ?1
      AND m.role = 'owner'
      AND EXISTS (SELECT 1 FROM membership AS o WHERE o.account_id = m.account_id AND o.user_id <> ?1)
      AND NOT EXISTS (SELECT 1 FROM membership AS o WHERE o.account_id = m.account_id AND o.user_id <> ?1 AND o.role = 'owner')
  )
