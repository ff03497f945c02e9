-- The accounts of one person; with ?2 that one alone, which is all that an API key sees.
SELECT a.id, a.name, a.kind, a.created_at, m.role
FROM membership AS m
JOIN account AS a ON a.id = m.account_id
WHERE m.user_id = ?1
  AND (?2 IS NULL OR m.account_id = ?2)
  AND (?3 IS NULL OR m.account_id < ?3)
ORDER BY m.account_id DESC
LIMIT ?4
