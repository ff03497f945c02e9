-- Who has failed how often in a row, and when the next attempt counts. A success removes the row.
CREATE TABLE backoff (
  -- The name and whom it counts for, e.g. `login:user_…@192.0.2.1`.
  bucket TEXT NOT NULL,
  failures INTEGER NOT NULL,
  -- Unix milliseconds: before, attempts are refused unseen.
  opens_at INTEGER NOT NULL,
  -- From then on the failures are forgotten.
  ends_at INTEGER NOT NULL,
  CONSTRAINT backoff_pk PRIMARY KEY (bucket),
  CONSTRAINT backoff_failures_positive CHECK (failures > 0)
) STRICT, WITHOUT ROWID;

-- The sweep of what is forgotten.
CREATE INDEX backoff_by_ends_at ON backoff (ends_at);
