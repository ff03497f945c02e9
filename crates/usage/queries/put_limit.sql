INSERT INTO usage_limit (account_id, tokens, user_tokens, period, updated_at)
SELECT a.id, ?2, ?3, ?4, ?5
FROM account AS a
WHERE a.id = ?1
ON CONFLICT (account_id) DO UPDATE
SET tokens = excluded.tokens,
  user_tokens = excluded.user_tokens,
  period = excluded.period,
  updated_at = excluded.updated_at
