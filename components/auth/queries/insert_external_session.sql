-- As insert_session.sql, for someone whom a provider has named instead of a password. A code that an application has fetched must not be spent.
INSERT INTO session (account_id, id, user_id, created_at, last_used_at, expires_at, user_agent, ip)
SELECT m.account_id, ?2, m.user_id, ?6, ?6, ?7, ?8, ?9
FROM membership AS m
JOIN user AS u ON u.id = m.user_id
JOIN external_identity AS x ON x.issuer = ?4 AND x.subject = ?5 AND x.user_id = u.id
WHERE m.account_id = ?1
  AND m.user_id = ?3
  AND u.is_active = 1
  AND (?10 IS NULL OR EXISTS (SELECT 1 FROM oidc_ticket AS k WHERE k.code_hash = ?10))
  AND NOT EXISTS (
    SELECT 1
    FROM totp AS t
    WHERE t.user_id = m.user_id
      AND t.confirmed_at IS NOT NULL
      AND t.proven_session_id IS NOT ?2
  )
RETURNING id
