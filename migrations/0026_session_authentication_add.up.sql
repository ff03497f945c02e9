-- When the password was shown again in this session; until then it counts from its beginning.
ALTER TABLE session ADD COLUMN authenticated_at INTEGER;
