-- Only once the person is a member: an invitation that was not honoured is not spent.
DELETE FROM invitation
WHERE account_id = ?1
  AND id = ?2
  AND token_hash = ?4
  AND EXISTS (SELECT 1 FROM membership AS m WHERE m.account_id = ?1 AND m.user_id = ?3)
RETURNING id
