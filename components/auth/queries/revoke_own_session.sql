-- A session of this person, for whichever account.
UPDATE session
SET revoked_at = ?3
WHERE user_id = ?1
  AND id = ?2
  AND revoked_at IS NULL
  AND expires_at > ?3
RETURNING id
