-- Counts an attempt as a failure in advance if its time has come: a row says that it has. ?2 is now, ?3 how many failures cost nothing, ?4
-- the first delay, ?5 the longest, ?6 for how long failures are remembered. A time to open that no delay reaches comes from another clock.
INSERT INTO backoff (bucket, failures, opens_at, ends_at)
VALUES (?1, 1, ?2, ?2 + ?6)
ON CONFLICT (bucket) DO UPDATE
SET failures = iif(ends_at > ?2, failures + 1, 1),
  opens_at = ?2 + iif(ends_at > ?2 AND failures + 1 >= ?3, min(?5, ?4 << min(failures + 1 - ?3, 20)), 0),
  ends_at = ?2 + ?6
WHERE opens_at <= ?2 OR opens_at > ?2 + ?5
RETURNING failures
