-- The living sessions of this person for all accounts, the newest first: ids are ordered by time.
SELECT s.id, s.account_id, a.name AS account_name, s.created_at, s.last_used_at, s.expires_at, s.user_agent, s.ip
FROM session AS s
JOIN account AS a ON a.id = s.account_id
WHERE s.user_id = ?1
  AND s.revoked_at IS NULL
  AND s.expires_at > ?2
  AND s.id < ?3
ORDER BY s.id DESC
LIMIT ?4
