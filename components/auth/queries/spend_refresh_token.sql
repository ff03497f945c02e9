-- Everything that decides is checked again here, in the transaction that takes effect.
UPDATE refresh_token
SET spent_at = ?4, successor_hash = ?3
WHERE account_id = ?1
  AND token_hash = ?2
  AND spent_at IS NULL
  AND expires_at > ?4
  AND EXISTS (
    SELECT 1
    FROM session AS s
    JOIN user AS u ON u.id = s.user_id
    WHERE s.account_id = ?1
      AND s.id = refresh_token.session_id
      AND s.revoked_at IS NULL
      AND s.expires_at > ?4
      AND u.is_active = 1
  )
RETURNING session_id
