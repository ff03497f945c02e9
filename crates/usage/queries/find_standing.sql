-- What an account and one of its people may use, have used and have reserved. The parameters are those of reserve.sql, without run and tokens.
SELECT quota.period, quota.tokens, quota.user_tokens,
  (SELECT coalesce(sum(u.tokens), 0) FROM usage_sum AS u WHERE u.account_id = ?1 AND u.user_id = '' AND u.day >= quota.since) AS used,
  (SELECT coalesce(sum(u.tokens), 0) FROM usage_sum AS u WHERE u.account_id = ?1 AND u.user_id = ?2 AND u.day >= quota.since) AS user_used,
  (SELECT coalesce(sum(r.tokens), 0) FROM usage_reservation AS r WHERE r.account_id = ?1 AND r.expires_at > ?3) AS reserved,
  (
    SELECT coalesce(sum(r.tokens), 0)
    FROM usage_reservation AS r
    WHERE r.account_id = ?1 AND r.user_id = ?2 AND r.expires_at > ?3
  ) AS user_reserved
FROM (
  SELECT iif(l.account_id IS NULL, ?4, l.tokens) AS tokens,
    iif(l.account_id IS NULL, ?5, l.user_tokens) AS user_tokens,
    iif(l.account_id IS NULL, ?6, l.period) AS period,
    CASE iif(l.account_id IS NULL, ?6, l.period) WHEN 'day' THEN ?7 WHEN 'week' THEN ?8 ELSE ?9 END AS since
  FROM (SELECT 1)
  LEFT JOIN usage_limit AS l ON l.account_id = ?1
) AS quota
