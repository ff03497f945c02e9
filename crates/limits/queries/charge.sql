-- Adds uses to the bucket if there is room for them: a row says that there was. ?2 is now, ?3 what the uses take, ?4 what the bucket holds. A
-- time to be empty that lies outside of what the bucket holds comes from another clock or another limit and counts as empty.
INSERT INTO rate_limit (bucket, empty_at)
VALUES (?1, ?2 + ?3)
ON CONFLICT (bucket) DO UPDATE
SET empty_at = ?3 + CASE WHEN empty_at BETWEEN ?2 AND ?2 + ?4 THEN empty_at ELSE ?2 END
WHERE ?3 + CASE WHEN empty_at BETWEEN ?2 AND ?2 + ?4 THEN empty_at ELSE ?2 END <= ?2 + ?4
RETURNING empty_at
