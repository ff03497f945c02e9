-- A row as long as the person ?2 is active, a member, and the session or API key ?3 by which it asked still counts.
SELECT m.role
FROM membership AS m
JOIN user AS u ON u.id = m.user_id
WHERE m.account_id = ?1
  AND m.user_id = ?2
  AND u.is_active = 1
  AND (
    EXISTS (SELECT 1 FROM session AS s WHERE s.account_id = ?1 AND s.id = ?3 AND s.user_id = ?2 AND s.revoked_at IS NULL AND s.expires_at > ?4)
    OR EXISTS (SELECT 1 FROM api_key AS k WHERE k.account_id = ?1 AND k.id = ?3 AND k.user_id = ?2 AND k.expires_at > ?4)
  )
