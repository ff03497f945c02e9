-- What an account may use within a period, where the operator has said something else than what holds for all.
CREATE TABLE usage_limit (
  account_id TEXT NOT NULL,
  -- Of the account as a whole, and of each of its people. NULL: no limit.
  tokens INTEGER,
  user_tokens INTEGER,
  period TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  CONSTRAINT usage_limit_pk PRIMARY KEY (account_id),
  CONSTRAINT usage_limit_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT usage_limit_tokens CHECK (tokens BETWEEN 0 AND 1000000000000000),
  CONSTRAINT usage_limit_user_tokens CHECK (user_tokens BETWEEN 0 AND 1000000000000000),
  CONSTRAINT usage_limit_period CHECK (period IN ('day', 'week', 'month'))
) STRICT, WITHOUT ROWID;

-- Tokens that runs may still use. One whose producer has died counts no more once it has expired.
CREATE TABLE usage_reservation (
  account_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  tokens INTEGER NOT NULL,
  reserved_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  -- It was the so-manyth of the account's at that moment, and at most so many may be.
  nth INTEGER NOT NULL,
  nth_max INTEGER,
  CONSTRAINT usage_reservation_pk PRIMARY KEY (account_id, run_id),
  CONSTRAINT usage_reservation_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  -- What does not fit into what is left is written as -1, so that the whole batch fails.
  CONSTRAINT usage_reservation_fits CHECK (tokens >= 0),
  CONSTRAINT usage_reservation_at_once CHECK (nth <= nth_max)
) STRICT, WITHOUT ROWID;

-- Who comes sweeps up what the dead have left.
CREATE TRIGGER usage_reservation_sweeps AFTER INSERT ON usage_reservation
BEGIN
  DELETE FROM usage_reservation WHERE account_id = NEW.account_id AND expires_at <= NEW.reserved_at;
END;

-- What was used: append-only. People are named by their id alone, and stay when they have left: the bill is the account's.
CREATE TABLE usage_entry (
  account_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  -- Requests to a provider within the run: 1, 2, 3, …
  step INTEGER NOT NULL,
  at INTEGER NOT NULL,
  user_id TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  -- The provider did not say how many there were.
  is_estimated INTEGER NOT NULL,
  -- Whether the run has ended with it, and its reservation too.
  is_last INTEGER NOT NULL,
  -- Millionths of a US dollar, and the version of the prices that say so. NULL: not known.
  cost_micros INTEGER,
  price_version INTEGER,
  CONSTRAINT usage_entry_pk PRIMARY KEY (account_id, run_id, step),
  CONSTRAINT usage_entry_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE,
  CONSTRAINT usage_entry_tokens CHECK (input_tokens BETWEEN 0 AND 4294967295 AND output_tokens BETWEEN 0 AND 4294967295),
  CONSTRAINT usage_entry_flags CHECK (is_estimated IN (0, 1) AND is_last IN (0, 1)),
  CONSTRAINT usage_entry_cost CHECK (cost_micros >= 0 AND (cost_micros IS NULL) = (price_version IS NULL))
) STRICT, WITHOUT ROWID;

-- Totals of the ledger by day, model and person. Days are those of UTC, counted from 1970-01-01.
CREATE TABLE usage_day (
  account_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  model TEXT NOT NULL,
  user_id TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  -- Of the requests, those whose cost is not known.
  unpriced_requests INTEGER NOT NULL,
  CONSTRAINT usage_day_pk PRIMARY KEY (account_id, day, model, user_id),
  CONSTRAINT usage_day_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The same for a question that every run asks: of one person, or with '' of the whole account.
CREATE TABLE usage_sum (
  account_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  CONSTRAINT usage_sum_pk PRIMARY KEY (account_id, user_id, day),
  CONSTRAINT usage_sum_account FOREIGN KEY (account_id) REFERENCES account (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TRIGGER usage_entry_counts AFTER INSERT ON usage_entry
BEGIN
  INSERT INTO usage_sum (account_id, user_id, day, tokens)
  VALUES
    (NEW.account_id, '', NEW.at / 86400000, NEW.input_tokens + NEW.output_tokens),
    (NEW.account_id, NEW.user_id, NEW.at / 86400000, NEW.input_tokens + NEW.output_tokens)
  ON CONFLICT (account_id, user_id, day) DO UPDATE SET tokens = tokens + excluded.tokens;
  INSERT INTO usage_day (account_id, day, model, user_id, input_tokens, output_tokens, requests, cost_micros, unpriced_requests)
  VALUES (
    NEW.account_id, NEW.at / 86400000, NEW.model, NEW.user_id, NEW.input_tokens, NEW.output_tokens, 1,
    coalesce(NEW.cost_micros, 0), NEW.cost_micros IS NULL
  )
  ON CONFLICT (account_id, day, model, user_id) DO UPDATE
  SET input_tokens = input_tokens + excluded.input_tokens,
    output_tokens = output_tokens + excluded.output_tokens,
    requests = requests + 1,
    cost_micros = cost_micros + excluded.cost_micros,
    unpriced_requests = unpriced_requests + excluded.unpriced_requests;
  -- What was used is reserved no longer.
  UPDATE usage_reservation
  SET tokens = max(0, tokens - NEW.input_tokens - NEW.output_tokens)
  WHERE account_id = NEW.account_id AND run_id = NEW.run_id;
  DELETE FROM usage_reservation
  WHERE account_id = NEW.account_id AND run_id = NEW.run_id AND NEW.is_last = 1;
END;

CREATE TRIGGER usage_entry_stays BEFORE UPDATE ON usage_entry
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: usage_entry_stays');
END;

-- Entries leave with their account and in no other way. When this runs for them the account's row is already gone.
CREATE TRIGGER usage_entry_remains BEFORE DELETE ON usage_entry
WHEN EXISTS (SELECT 1 FROM account WHERE id = OLD.account_id)
BEGIN
  SELECT RAISE(ABORT, 'TRIGGER constraint failed: usage_entry_remains');
END;
