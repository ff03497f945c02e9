ALTER TABLE signing_key DROP COLUMN signs_from;
