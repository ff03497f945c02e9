-- Only when the invitation was sent to this person's own address and is still there.
UPDATE user
SET email_verified = 1,
  updated_at = ?4
WHERE id = ?3
  AND email_verified = 0
  AND EXISTS (
    SELECT 1 FROM invitation AS i WHERE i.account_id = ?1 AND i.id = ?2 AND i.email = user.email
  )
