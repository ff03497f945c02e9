-- Last in the batch of a new password: it changes a row if the password is this one, which is what the audit log asks.
UPDATE user
SET updated_at = ?3
WHERE id = ?1
  AND password_hash = ?2
