-- In every account: what ends is the person's being signed in.
UPDATE session
SET revoked_at = ?2
WHERE user_id = ?1
  AND revoked_at IS NULL
