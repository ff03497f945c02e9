-- Triggers add it to the totals and take it off the reservation. What is written already stays: of two who settle a run the first one counts.
-- Nothing is written for an account that has been deleted meanwhile.
INSERT INTO usage_entry (
  account_id, run_id, step, at, user_id, provider, model, input_tokens, output_tokens, is_estimated, is_last, cost_micros, price_version
)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
WHERE EXISTS (SELECT 1 FROM account AS a WHERE a.id = ?1)
ON CONFLICT (account_id, run_id, step) DO NOTHING
