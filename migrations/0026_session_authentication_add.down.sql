ALTER TABLE session DROP COLUMN authenticated_at;
