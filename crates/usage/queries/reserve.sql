-- Reserves tokens for a run if the account and the person have as many left; else usage_reservation_fits fails, and with it the whole batch.
-- ?1 account, ?2 person, ?3 run, ?4 tokens, ?5 now, ?6 when it expires. ?7, ?8 and ?9 are the limits of account and person and the period where
-- nothing is set for the account; ?10, ?11 and ?12 the days with which this day, week and month began. ?13 is how many the account may have at
-- once: of one too many usage_reservation_at_once fails. ?14, ?15 and ?16 are what is paid for if nobody settles it: provider, model and about how many
-- tokens it is told.
INSERT INTO usage_reservation (
  account_id, user_id, run_id, tokens, reserved_at, expires_at, nth, nth_max, provider, model, input_tokens
)
SELECT ?1, ?2, ?3,
  iif(
    ?4 <= coalesce(
      quota.tokens
        - (SELECT coalesce(sum(u.tokens), 0) FROM usage_sum AS u WHERE u.account_id = ?1 AND u.user_id = '' AND u.day >= quota.since)
        - (SELECT coalesce(sum(r.tokens), 0) FROM usage_reservation AS r WHERE r.account_id = ?1 AND r.expires_at > ?5),
      ?4
    )
    AND ?4 <= coalesce(
      quota.user_tokens
        - (SELECT coalesce(sum(u.tokens), 0) FROM usage_sum AS u WHERE u.account_id = ?1 AND u.user_id = ?2 AND u.day >= quota.since)
        - (SELECT coalesce(sum(r.tokens), 0) FROM usage_reservation AS r WHERE r.account_id = ?1 AND r.user_id = ?2 AND r.expires_at > ?5),
      ?4
    ),
    ?4,
    -1
  ),
  ?5, ?6,
  1 + (SELECT count(*) FROM usage_reservation AS r WHERE r.account_id = ?1 AND r.expires_at > ?5),
  ?13, ?14, ?15, ?16
FROM (
  SELECT iif(l.account_id IS NULL, ?7, l.tokens) AS tokens,
    iif(l.account_id IS NULL, ?8, l.user_tokens) AS user_tokens,
    CASE iif(l.account_id IS NULL, ?9, l.period) WHEN 'day' THEN ?10 WHEN 'week' THEN ?11 ELSE ?12 END AS since
  FROM (SELECT 1)
  LEFT JOIN usage_limit AS l ON l.account_id = ?1
) AS quota
