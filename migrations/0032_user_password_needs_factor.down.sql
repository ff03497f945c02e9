ALTER TABLE user DROP COLUMN password_needs_factor;
