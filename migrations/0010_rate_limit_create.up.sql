-- How much of each limit is used: one row per bucket that is not empty.
CREATE TABLE rate_limit (
  -- The limit's name and whom it counts for, e.g. `login:ip:192.0.2.1`.
  bucket TEXT NOT NULL,
  -- When the bucket will be empty again, in Unix microseconds: the theoretical arrival time of the generic cell rate algorithm.
  empty_at INTEGER NOT NULL,
  CONSTRAINT rate_limit_pk PRIMARY KEY (bucket)
) STRICT, WITHOUT ROWID;

-- The sweep of empty buckets.
CREATE INDEX rate_limit_by_empty_at ON rate_limit (empty_at);
