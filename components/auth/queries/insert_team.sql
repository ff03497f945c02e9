-- No row when the person owns as many accounts as anyone may.
INSERT INTO account (id, name, kind, created_at, updated_at)
SELECT ?1, ?2, 'team', ?3, ?3
WHERE (SELECT count(*) FROM membership AS m WHERE m.user_id = ?4 AND m.role = 'owner') < ?5
RETURNING id
