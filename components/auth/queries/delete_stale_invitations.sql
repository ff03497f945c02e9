-- What a new invitation to ?2 takes the place of: the one before, and those of the account that are over.
DELETE FROM invitation
WHERE account_id = ?1
  AND (email = ?2 OR expires_at <= ?3)
