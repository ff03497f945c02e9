-- What whoever reserved was about to tell a model: about how many tokens, and whose model. NULL, where it was not said, is worth nothing.
ALTER TABLE usage_reservation ADD COLUMN provider TEXT;
ALTER TABLE usage_reservation ADD COLUMN model TEXT;
ALTER TABLE usage_reservation ADD COLUMN input_tokens INTEGER NOT NULL DEFAULT 0
  CONSTRAINT usage_reservation_input CHECK (input_tokens BETWEEN 0 AND 4294967295);

-- Who comes settles what the dead have left, as far as it is known: a provider counts a prompt whether anybody hears the answer or not. What belongs to a run
-- that has not ended is left to whoever ends it, who knows what was said.
DROP TRIGGER usage_reservation_sweeps;

CREATE TRIGGER usage_reservation_lapses AFTER INSERT ON usage_reservation
BEGIN
  INSERT INTO usage_entry (
    account_id, run_id, step, at, user_id, provider, model, input_tokens, output_tokens, is_estimated, is_last, cost_micros, price_version
  )
  SELECT r.account_id, r.run_id,
    1 + (SELECT coalesce(max(e.step), 0) FROM usage_entry AS e WHERE e.account_id = r.account_id AND e.run_id = r.run_id),
    r.reserved_at, r.user_id, r.provider, r.model, r.input_tokens, 0, 1, 1, NULL, NULL
  FROM usage_reservation AS r
  WHERE r.account_id = NEW.account_id
    AND r.expires_at <= NEW.reserved_at
    AND r.model IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM run AS o WHERE o.account_id = r.account_id AND o.id = r.run_id AND o.ended_at IS NULL);
  DELETE FROM usage_reservation
  WHERE account_id = NEW.account_id
    AND expires_at <= NEW.reserved_at
    AND model IS NULL;
END;
