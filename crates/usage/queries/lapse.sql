-- The last entry of a run whose producer is dead: the prompt as it was estimated, and ?3 tokens of an answer. A trigger takes the reservation away.
INSERT INTO usage_entry (account_id, run_id, step, at, user_id, provider, model, input_tokens, output_tokens, is_estimated, is_last)
SELECT r.account_id, r.run_id,
  1 + (SELECT coalesce(max(e.step), 0) FROM usage_entry AS e WHERE e.account_id = ?1 AND e.run_id = r.run_id),
  r.reserved_at, r.user_id, r.provider, r.model, r.input_tokens, ?3, 1, 1
FROM usage_reservation AS r
WHERE r.account_id = ?1
  AND r.run_id = ?2
  AND r.model IS NOT NULL
