-- Adds uses to each bucket that has room for them: a row says which had, and whether it was empty before. ?1 is a JSON array of [bucket, what
-- the uses take, what the bucket holds], ?2 is now. A time to be empty that lies outside of what the bucket holds comes from another clock or
-- another limit and counts as empty. One statement and not one for each bucket: a transaction would keep all other writers waiting meanwhile.
INSERT INTO rate_limit (bucket, empty_at)
SELECT bucket, begins_at + taken
FROM (
  SELECT item.value ->> 0 AS bucket, item.value ->> 1 AS taken, item.value ->> 2 AS held,
    CASE WHEN r.empty_at BETWEEN ?2 AND ?2 + (item.value ->> 2) THEN r.empty_at ELSE ?2 END AS begins_at
  FROM json_each(?1) AS item
  LEFT JOIN rate_limit AS r ON r.bucket = item.value ->> 0
)
WHERE begins_at + taken <= ?2 + held
ON CONFLICT (bucket) DO UPDATE SET empty_at = excluded.empty_at
RETURNING bucket, empty_at
