-- Changes no row when it is what it was.
INSERT INTO retention (account_id, days, keep_pinned, updated_at)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (account_id) DO UPDATE
SET days = excluded.days, keep_pinned = excluded.keep_pinned, updated_at = excluded.updated_at
WHERE days <> excluded.days OR keep_pinned <> excluded.keep_pinned
