-- The last entries of what nobody has settled until ?2, without an answer that anybody knows. The trigger usage_reservation_lapses does the same for whoever
-- reserves next.
INSERT INTO usage_entry (account_id, run_id, step, at, user_id, provider, model, input_tokens, output_tokens, is_estimated, is_last)
SELECT r.account_id, r.run_id,
  1 + (SELECT coalesce(max(e.step), 0) FROM usage_entry AS e WHERE e.account_id = ?1 AND e.run_id = r.run_id),
  r.reserved_at, r.user_id, r.provider, r.model, r.input_tokens, 0, 1, 1
FROM usage_reservation AS r
WHERE r.account_id = ?1
  AND r.expires_at <= ?2
  AND r.model IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM run AS o WHERE o.account_id = ?1 AND o.id = r.run_id AND o.ended_at IS NULL)
ORDER BY r.expires_at
LIMIT ?3
RETURNING run_id
