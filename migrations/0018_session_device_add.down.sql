ALTER TABLE session DROP COLUMN ip;
ALTER TABLE session DROP COLUMN user_agent;
